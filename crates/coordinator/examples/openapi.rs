//! Prints the OpenAPI document that the coordinator serves: `cargo run -p rollmill-coordinator --example openapi`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", rollmill_coordinator::openapi().to_pretty_json()?);
    Ok(())
}
