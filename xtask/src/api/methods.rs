//! The methods of JSON-RPC, read from the traits that declare them.

use std::fs;

use eyre::{WrapErr, bail, eyre};

use crate::tools;

/// Where methods are declared.
const SOURCES: [&str; 3] = [
    "crates/engine/src/rpc/api.rs",
    "crates/sequencer/src/rpc.rs",
    "crates/sequencer/src/rpc/activity.rs",
];

/// What the types of parameters and answers are as JSON. What is not listed is an object of its name.
const TYPES: [(&str, &str); 23] = [
    ("U64", "quantity"),
    ("U128", "quantity"),
    ("U256", "quantity"),
    ("Index", "quantity"),
    ("u64", "number"),
    ("f64", "number"),
    ("bool", "boolean"),
    ("String", "text"),
    ("B256", "32 bytes"),
    ("Bytes", "bytes"),
    ("Address", "address"),
    ("JsonStorageKey", "slot"),
    ("BlockId", "block (number, tag, hash)"),
    ("BlockNumberOrTag", "block (number, tag)"),
    ("BatchId", "number, or `sealed` `committed` `settled`"),
    ("RpcBlock", "block"),
    ("RpcTransaction", "transaction"),
    ("RpcReceipt", "receipt"),
    ("TransactionRequest", "transaction request"),
    ("SubscriptionResult", "subscription"),
    ("RpcMove", "transaction"),
    ("Log", "log"),
    ("Filter", "filter"),
];

/// One method.
#[derive(Debug, PartialEq, Eq)]
struct Method {
    name: String,
    parameters: Vec<(String, String)>,
    answer: String,
}

/// The page.
pub fn page() -> eyre::Result<String> {
    let mut methods = Vec::new();
    for source in SOURCES {
        let text = fs::read_to_string(tools::root().join(source))?;
        methods.extend(declared(&text).wrap_err_with(|| format!("reading {source}"))?);
    }
    let mut namespaces: Vec<&str> = methods
        .iter()
        .map(|method| namespace(&method.name))
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut text = "# Methods of JSON-RPC\n\nWritten by `cargo xtask api` from the traits that declare them. What differs from go-ethereum, limits and errors are in \
        [JSON-RPC](../developer/rpc.md), and what the answers of `rollmill_` mean in [its table](../developer/rpc.md#rollmill-l2).\n\n\
        Quantities are hexadecimal texts without leading zeros, bytes hexadecimal texts, each with `0x`. A parameter with `?` may be left out, \
        an answer with `?` may be null, `[]` is a list.\n"
        .to_owned();
    for named in namespaces {
        text.push_str(&format!(
            "\n## {named}\n\n| method | parameters | answer |\n|---|---|---|\n"
        ));
        let of = methods
            .iter()
            .filter(|method| namespace(&method.name) == named);
        text.extend(of.map(row));
    }
    Ok(text)
}

fn namespace(method: &str) -> &str {
    method.split('_').next().unwrap_or(method)
}

fn row(method: &Method) -> String {
    let parameters = method.parameters.iter().map(|(name, kind)| {
        let name = camel(name);
        match kind
            .strip_prefix("Option<")
            .and_then(|kind| kind.strip_suffix('>'))
        {
            Some(kind) => format!("`{name}`?: {}", json(kind)),
            None => format!("`{name}`: {}", json(kind)),
        }
    });
    let parameters: Vec<String> = parameters.collect();
    let answer = json(&method.answer);
    format!(
        "| `{}` | {} | {answer} |\n",
        method.name,
        parameters.join(", ")
    )
}

/// A Rust type as JSON has it.
fn json(kind: &str) -> String {
    let within = |outer: &str| {
        let rest = kind.strip_prefix(outer)?.strip_prefix('<')?;
        rest.strip_suffix('>')
    };
    if let Some(kind) = within("Option") {
        return format!("{}?", json(kind));
    }
    if let Some(kind) = within("Vec") {
        return format!("{}[]", json(kind));
    }
    if let Some(kind) = within("Box").or_else(|| within("SimulatedBlock")) {
        return json(kind);
    }
    let known = TYPES.iter().find(|(name, _)| *name == kind);
    known.map_or_else(
        || format!("`{}`", kind.trim_start_matches("Rpc")),
        |(_, words)| (*words).to_owned(),
    )
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |whole, word| {
        let (initial, rest) = word.split_at(1);
        whole + &initial.to_uppercase() + rest
    })
}

/// The methods that a source declares by jsonrpsee's macro.
fn declared(source: &str) -> eyre::Result<Vec<Method>> {
    let (mut found, mut prefix) = (Vec::new(), String::new());
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("#[rpc(") {
            prefix =
                quoted(line, "namespace = ").map_or_else(String::new, |name| format!("{name}_"));
        } else if line.starts_with("#[method(") || line.starts_with("#[subscription(") {
            let name = quoted(line, "name = ").ok_or_else(|| eyre!("`{line}` names nothing"))?;
            // Up to the end of the signature, however many lines it has.
            let mut signature = String::new();
            while !signature.ends_with(';') {
                let more = lines
                    .next()
                    .ok_or_else(|| eyre!("{name} has no signature"))?;
                signature.push_str(more);
                signature.push(' ');
                signature.truncate(signature.trim_end().len());
            }
            found.push(method(format!("{prefix}{name}"), &signature)?);
            if let Some(other) = quoted(line, "unsubscribe = ") {
                found.push(Method {
                    name: format!("{prefix}{other}"),
                    parameters: vec![("id".to_owned(), "U64".to_owned())],
                    answer: "bool".to_owned(),
                });
            }
        }
    }
    Ok(found)
}

/// What stands in quotes behind a word.
fn quoted<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.split_once(word)?.1.strip_prefix('"')?;
    Some(rest.split_once('"')?.0)
}

/// `fn name(&self, a: A, b: Option<B>) -> RpcResult<C>;`
fn method(name: String, signature: &str) -> eyre::Result<Method> {
    let parts = signature
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let Some((parameters, answer)) = parts else {
        bail!("{name} has the signature `{signature}`");
    };
    let parameters = parameters.split(", ").flat_map(|part| part.split(','));
    let parameters = parameters.filter_map(|part| part.trim().split_once(": "));
    let answer = answer
        .trim()
        .trim_start_matches("-> ")
        .trim_end_matches(';');
    let answer = answer
        .strip_prefix("RpcResult<")
        .and_then(|kind| kind.strip_suffix('>'))
        .unwrap_or(answer);
    Ok(Method {
        name,
        parameters: parameters
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect(),
        answer: answer.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_from_a_trait() {
        let source = "#[rpc(server, namespace = \"eth\")]\ntrait A {\n    #[method(name = \"call\", blocking)]\n    fn call(\n        &self,\n        \
            gas_limit: U64,\n        block: Option<Box<BlockId>>,\n    ) -> RpcResult<Vec<Option<Bytes>>>;\n\n    \
            #[subscription(name = \"subscribe\" => \"subscription\", unsubscribe = \"unsubscribe\", item = Value)]\n    \
            async fn subscribe(&self, kind: Kind)\n    -> SubscriptionResult;\n}\n";
        let rows: Vec<String> = declared(source).expect("a trait").iter().map(row).collect();
        assert_eq!(
            rows,
            [
                "| `eth_call` | `gasLimit`: quantity, `block`?: block (number, tag, hash) | bytes?[] |\n",
                "| `eth_subscribe` | `kind`: `Kind` | subscription |\n",
                "| `eth_unsubscribe` | `id`: quantity | boolean |\n",
            ]
        );
        assert!(declared("#[method(name = \"x\")]\n").is_err());
    }
}
