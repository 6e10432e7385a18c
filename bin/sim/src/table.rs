//! Tables: for the terminal, for Markdown, as CSV.

use crate::{
    claims::Claim,
    defences::DefenceCost,
    harness::{Verdict, Worth},
    models::Model,
    outcome::Outcome,
};

/// A table of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Aligned for a terminal.
    pub fn text(&self) -> String {
        let width = |i: usize| {
            let cells = self.rows.iter().map(|row| row[i].chars().count());
            cells
                .chain([self.head[i].chars().count()])
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |row: &[String]| {
            let cells = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(i, (cell, width))| {
                    if i == 0 {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        self.rows
            .iter()
            .fold(line(&self.head), |text, row| text + &line(row))
    }

    /// As a Markdown table.
    pub fn markdown(&self) -> String {
        let line = |row: &[String]| format!("| {} |\n", row.join(" | "));
        let rule: String = self
            .head
            .iter()
            .enumerate()
            .map(|(i, _)| if i == 0 { "|---" } else { "|---:" })
            .collect();
        self.rows
            .iter()
            .fold(line(&self.head) + &rule + "|\n", |text, row| {
                text + &line(row)
            })
    }

    /// As CSV; cells with a comma or a quote are quoted.
    pub fn csv(&self) -> String {
        let cell = |cell: &String| {
            if cell.contains([',', '"']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let line = |row: &[String]| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n";
        self.rows
            .iter()
            .fold(line(&self.head), |text, row| text + &line(row))
    }
}

/// The columns of the comparison of policies.
pub fn outcomes(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(&[
        "policy",
        "batches/h",
        "P50 s",
        "P99 s",
        "first wins",
        "Gini",
        "Jain",
        "Jain alike",
        "top 10 %",
        "wasted/batch",
        "on time",
        "R~power",
        "R~bounded",
        "q~power/stake",
        "q converges at",
        "cost/batch",
        "unpaid",
        "longest s",
    ]);
    for outcome in outcomes {
        let columns = outcome.columns();
        let known = |value: Option<f64>, digits: usize| {
            value.map_or("-".into(), |value| format!("{value:.digits$}"))
        };
        table.push(vec![
            outcome.policy.clone(),
            format!("{:.1}", columns.settled_per_hour),
            format!("{:.0}", columns.latency_s_p50),
            format!("{:.0}", columns.latency_s_p99),
            format!("{:.2}", columns.first_share),
            format!("{:.3}", columns.gini),
            format!("{:.4}", columns.jain),
            format!("{:.4}", columns.jain_alike),
            format!("{:.2}", columns.top_tenth_advantage),
            format!("{:.2}", columns.wasted_per_batch),
            format!("{:.4}", columns.on_time_rate),
            known(columns.reputation_power, 3),
            known(columns.reputation_bounded, 3),
            known(columns.q_power_per_stake, 3),
            known(columns.converged_at_tasks, 0),
            format!("{:.2}", columns.cost_per_batch),
            outcome.unpaid.to_string(),
            format!("{:.0}", outcome.open_to_settle_s_max),
        ]);
    }
    table
}

/// What attacks are worth over their grid: a row for each setting, with its margins beside each other.
pub fn worths(worths: &[Worth]) -> Table {
    let mut table = Table::new(&[
        "attack",
        "c",
        "share",
        "k",
        "honest",
        "attack's",
        "advantage",
        "±",
        "thin margin",
        "±",
        "seeds",
        "others",
        "batches/h",
        "price",
        "pays",
        "closed by",
    ]);
    let setting = |worth: &Worth| (worth.attack.clone(), worth.relabel, worth.share, worth.k);
    for margins in worths.chunk_by(|a, b| setting(a) == setting(b)) {
        let (worth, thin) = (&margins[0], margins.get(1));
        let known = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:+.4}"));
        let error = thin.map_or("-".into(), |thin| format!("{:.4}", thin.error));
        let seeds = margins.iter().map(|worth| worth.seeds).max();
        let worst = margins.iter().find(|worth| worth.is_open());
        table.push(vec![
            worth.attack.clone(),
            worth.relabel.map_or("-".into(), |c| c.to_string()),
            format!("{:.0} %", worth.share * 100.0),
            worth.k.to_string(),
            format!("{:+.3}", worth.honest),
            format!("{:+.3}", worth.attacking),
            format!("{:+.4}", worth.advantage),
            format!("{:.4}", worth.error),
            known(thin.map(|thin| thin.advantage)),
            error,
            seeds.unwrap_or(0).to_string(),
            format!("{:+.3}", worth.others),
            format!("{:+.1} %", worth.throughput * 100.0),
            format!("{:+.1} %", worth.price * 100.0),
            pays(worst.unwrap_or(worth)),
            worth.closed_by.clone(),
        ]);
    }
    table
}

fn pays_computed(model: &Model) -> String {
    match (model.pays(), model.gains()) {
        (true, _) => "YES".into(),
        (false, true) => format!("<= {:.2}", model.bound),
        (false, false) => "no".into(),
    }
}

fn pays(worth: &Worth) -> String {
    match worth.verdict {
        Verdict::Pays => "YES".into(),
        Verdict::Unclear => "unclear".into(),
        Verdict::Closed if worth.pays() => format!("<= {:.2}", worth.bound),
        Verdict::Closed => "no".into(),
    }
}

fn setting(worth: &Worth) -> String {
    let (share, k, margin) = (worth.share, worth.k, worth.margin);
    let relabel = worth
        .relabel
        .map_or(String::new(), |c| format!(", c = {c}"));
    format!("share {share}, k = {k}, margin {margin}{relabel}")
}

/// Attacks by rollers and computed ones in one table, with the columns that both have.
pub fn attacks(worths: &[Worth], models: &[Model]) -> Table {
    let mut table = Table::new(&[
        "attack",
        "setting",
        "advantage",
        "±",
        "unit",
        "pays",
        "closed by",
    ]);
    for worth in worths {
        table.push(vec![
            worth.attack.clone(),
            setting(worth),
            format!("{:+.4}", worth.advantage),
            format!("{:.4}", worth.error),
            "honest costs".into(),
            pays(worth),
            worth.closed_by.clone(),
        ]);
    }
    for model in models {
        table.push(vec![
            model.attack.clone(),
            model.setting.clone(),
            format!("{:+.4}", model.advantage),
            "-".into(),
            model.unit.into(),
            pays_computed(model),
            model.closed_by.clone(),
        ]);
    }
    table
}

/// What computed attacks are worth.
pub fn models(models: &[Model]) -> Table {
    let mut table = Table::new(&[
        "attack",
        "setting",
        "advantage",
        "unit",
        "pays",
        "closed by",
    ]);
    for model in models {
        table.push(vec![
            model.attack.clone(),
            model.setting.clone(),
            format!("{:+.4}", model.advantage),
            model.unit.into(),
            pays_computed(model),
            model.closed_by.clone(),
        ]);
    }
    table
}

/// What rules cost honest rollers.
pub fn defences(costs: &[DefenceCost]) -> Table {
    let mut table = Table::new(&[
        "rule",
        "profit/cost",
        "±",
        "reward/batch",
        "cost/batch",
        "batches/h",
        "P50 s",
        "Jain",
        "on time",
    ]);
    for cost in costs {
        table.push(vec![
            cost.rule.clone(),
            format!("{:+.4}", cost.profit),
            format!("{:.4}", cost.error),
            format!("{:+.1} %", cost.reward_per_batch * 100.0),
            format!("{:+.1} %", cost.cost_per_batch * 100.0),
            format!("{:+.1} %", cost.settled * 100.0),
            format!("{:+.0}", cost.latency_s),
            format!("{:+.4}", cost.jain),
            format!("{:+.4}", cost.on_time),
        ]);
    }
    table
}

/// Promises and what was measured.
pub fn claims(claims: &[Claim]) -> Table {
    let mut table = Table::new(&["promise", "measured", "kept"]);
    for claim in claims {
        let kept = if claim.is_kept { "yes" } else { "NO" };
        table.push(vec![
            claim.promise.clone(),
            claim.measured.clone(),
            kept.into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_of_one_table() {
        let mut table = Table::new(&["a", "long"]);
        table.push(vec!["x, y".into(), "1".into()]);
        assert_eq!(table.text(), "a     long\nx, y     1\n");
        assert_eq!(table.markdown(), "| a | long |\n|---|---:|\n| x, y | 1 |\n");
        assert_eq!(table.csv(), "a,long\n\"x, y\",1\n");
    }
}
