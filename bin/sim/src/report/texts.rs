//! The words of results.md.

pub(super) const HEAD: &str = "# What the simulator shows

Written by `cargo run --release -p sim -- report`; do not edit. Worlds are files in `bin/sim/worlds`, seeds are 1, for attacks and rules 1 to n.
Equal seeds give equal numbers on equal machines. Prices and speeds are invented; what counts is the comparison. Batches are
10 M prover gas (5 % of them three times that), a slot makes 25,000 gas per second, L1 has a block every 12 s.

**Speed.** SPEED

![q finds power over stake](plots/reputation.svg)
![shares of reputation](plots/reputation-shares.svg)
![rewards under this law](plots/rewards.svg)
![rewards in a race](plots/rewards-race.svg)
![Lorenz curves](plots/lorenz.svg)
![latencies](plots/latency.svg)
![dials under a load step](plots/dials-load-step.svg)
![dials when half of the machines are gone](plots/dials-halved.svg)
![dials when all machines take three times as long](plots/dials-slower.svg)
";

pub(super) const PROMISES: &str = "Each is a world and a number; `cargo run --release -p sim -- claims` runs them alone and fails when one is broken \
(`--quick` takes a part of each, as the tests do). \
*Correlation*: the next table says what changed it. *Jain*: of reward over power, each unit of power counted once, `(sum x)^2 / (P * sum x^2 / p)` for rewards \
x and powers p with sum P, because reward is to follow power; in brackets the plain index, each roller counted once, `(sum x/p)^2 / (n * sum (x/p)^2)`. It lies apart by what \
chance gives and takes from the many rollers with few proofs, and by the big ones whose stake is short. The first four worlds have more load than can be carried, and k \
stands still in them, because with k at 2 a third of the load would be gone. Below its limit a roller is paid by its stake: where machines are in reserve, rewards follow \
capacity as far as stakes do ([limits.md](limits.md)). Where stakes have nothing to do with capacity, reputation cannot follow power beyond the stake, which is meant; up to the \
stake its rank does but for what excess stake is still worth. With a gain of 2 % of 1 - q instead of 4 % of sqrt(q) - q it was 0.913, 0.884, 0.864, 0.834, 0.884. \
*T, k, window and price*: where each dial stands in the median of the last 30 epochs is where it ends. k follows proofs that never come, and not capacity, so that it should not move: \
while proofs that come late were misses, too, k rested 79 epochs after all machines took three times as long, window and price 81.";

pub(super) const SOONER_BODY: &str = "Proofs of the median roller until the rank correlation of q with capacity over stake is 0.95 for good (equal stakes), and what the same law \
lets a sham capacity gain. Shorter epochs move q oftener; a counted capacity that doubles, instead of growing by a quarter, and newcomers that hold a waiting proof beside the one \
in work end the time in which everybody declines alike.";

pub(super) const POLICIES: &str = "100 rollers, log-normal machines, a whale with 20 % of all slots, stakes in proportion to machines times a log-normal factor \
(sigma 0.3), single outages. The rivals are given every advantage: no lottery, no beacons, no attackers. *Jain* is of reward over power by unit of power, *Jain alike* and *Gini* by roller, \
*top 10 %* is the share of rewards of the most powerful tenth over its share of power, *wasted* is work beyond the one proof that settles, \
in proofs, with the parts of those that were given up, *q converges at* counts proofs of the median roller until the rank correlation of q with power over \
stake is 0.95 for good, *R~bounded* is the rank correlation of reputation with what it can be, power as far as the stake goes; *longest* is from opening to settlement, *cost* counts machines busy and idle. All columns are of the time after the \
warm-up. With four fifths of the load at k = 3 and k at 2 nearly half of the machines are in reserve, so that q is 1 for most and Jain's index is that of stakes over machines, as with *stake only*: \
nobody's limit is reached, so that nobody's capacity shows. A race leaves all but the fastest without income, and its throughput does not grow with rollers: \
all slots do the same batch. Turns and auctions waste nothing and are quicker, but one roller's failure is a whole T, and the income goes by \
number of names or to the cheapest.";

pub(super) const CHANGED: &str = "*Before*: the first numbers of the mechanism (a gain for every on-time seat without a cap, declines cost 10 %, LOAD_MAX 70 %, T without \
room for a waiting proof, LOW 40 %), in epochs of 45 minutes, counted capacity 1.25 x the proven peak. *Now*: epochs of 20 minutes, twice the peak, at most three seats of an epoch gain, declines cost 25 %, LOAD_MAX 90 %, tau begins at 100 us per gas, \
LOW 1/3. LOAD_MAX and the room for a waiting proof bring the throughput; capped gains and dearer declines hold q apart where machines are busy (*q~power/stake*, Jain). Both have gains go with sqrt(q) - q. In *fairness* a queue grows for five days, and tasks are drawn \
by snapshots of many hours ago: q swings around where it would rest (*R~power*), and rewards hardly. \
The price of it is some lateness. With unequal stakes reputation is bounded by the stake (*R~bounded*), and so are ranks and rewards.";

pub(super) const SETTLING: &str = "Epochs after half of the machines are gone (rollers with a wide range of costs, of whom a fifth wait for a higher price), and after all machines \
take three times as long, until each dial stays within a step of where it ends, in seeds 1 to 5. *Before*: RHO = 97 %, which one name of weight 5 % in an outage undercuts, so that \
T rose long after the shock and for no reason of capacity; a price that rises by 1/16. *Now*: RHO = 92 %, 1/8. Both have the price begin to rise when more tasks wait than a quarter of \
the window holds; while it waited for as many as the window holds, it took 15 and 38 epochs in seeds 1 and 2 of the first world.";

pub(super) const DEFENCES: &str = "Forty honest rollers that maintain their machines for twenty minutes a day, nine tenths of what they can do, price and k fixed. Each row is the \
law as it is less the law without the rule (`bin/sim/src/defences.rs`): negative profit is what the rule costs the rollers. \
No rule costs the rollers a profit that can be told from zero. Redundant proofs cost the users, who pay `B = price k g`, and not the rollers; \
the other columns have no error, and *P50* scatters by minutes. The error is of the profit over seeds; \
`cargo run --release -p sim -- defences` prints the table.";

pub(super) const ATTACKS: &str = "Twenty rollers (cartels: six names together against 34, in a window that begins at 50; weeks: twelve rollers); the attackers own the given share of machines and stake. \
*c* is the cost of a second proof of a task under another name, over that of a whole one, where it matters. \
*honest* and *attack's* are profit per unit of honest cost, *advantage* their difference with its standard error over seeds, all at a margin of one half; *thin margin* is the advantage at a tenth. *others* is \
what the attack does to the others' profit, *batches/h* to the chain, *price* to the price. Price and k stand still, except for the \
cartels, where rollers leave and come back with the price and a reserve of capacity is there. *split in 5* is played through outages, six a day for \
everybody; *sham capacity* beside an honest roller that declares what all its slots together can hold by T, while the others round down for each slot; *stuffing* and *wash proving* beside a pot of new SCR that is half of the fees; *beacon grinding* by a proposer of 30 % of all blocks, with a block worth what two batches pay. \
Where the operator of the rollup is in league (*prove after winning*, *operator's ...*, *mass accusation*, *favouring*, *wash proving*), what its bond loses is \
counted. An attack pays when the 95 % interval of its advantage begins above 0.1 %, and is closed when it ends below 2 %; more seeds are played until one of both is so (what loses more than 0.3 takes three; nothing is said to pay by fewer than 32). \
*favouring (falsely full)* and *hidden rounds* are not closed: the bound is what a machine earns that is always busy and has every ticket of what it proves, `k (1 + margin)`; \
they are played at the board's pace, where a hidden seat stays open for all of T and fills the window; on L1 it costs no time, so that there is more to be had. \
Where one pays within a bound that is known, the bound stands instead of *no* \
([limits.md](limits.md)). `cargo run --release -p sim -- attacks --grid` fails unless every line is closed. Before the price followed the load by the median roller, the slow-down \
cartel gained +0.1538 +- 0.0400 with 10 % of all machines and +1.1736 +- 0.4364 with 30 % in this very arena, where honest play came to -0.652 and -0.428 of its costs.";

pub(super) const WITHOUT: &str = "The same arena, k = 3, at a margin of one half, with a rule of L1 and without it: what the rule is there for is found out. The third, and the rows of \
*wash proving* and *stuffing* above, hold only where the operator's price of proving covers rewards, which L1 does not compel ([limits.md](limits.md)): at no price the column *without it* is what \
holds, and between the two the advantage is linear in the share that fees cover.";

pub(super) const MODELS: &str = "Not played but computed, with the law's own functions (`bin/sim/src/models.rs`): a name's choice from several heights of reputation, and a proposer's with several blocks \
in a row and the best policy (`grinding.rs`). What an operator gives its own roller by calling others full is here before anything reacts to it; played, it is among the attacks.";

pub(super) const MERGED: &str = "Proving cost per ticket, over that of a name too small to ever hold two tickets of one task, for a coalition with a joint share of the \
reputation whose members share computations at re-label cost c. At c = 0 it is what one merged name pays, which the law cannot forbid and does not reward \
further: splitting never beats merging. At c = 1, which the prelude of the guest program is for, a coalition saves nothing.";
