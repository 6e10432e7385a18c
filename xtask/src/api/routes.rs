//! The routes of the coordinator and the types of what they take and give, from its OpenAPI document.

use eyre::WrapErr;
use serde_json::Value;

/// The page.
pub fn page(document: &str) -> eyre::Result<String> {
    let document: Value = serde_json::from_str(document).wrap_err("the document is not JSON")?;
    let mut text = format!(
        "# The coordinator's API\n\nWritten by `cargo xtask api` from the document that a coordinator serves at `GET /openapi.json`.\n\n{}\n\n\
         A request that is refused is answered with a [Refusal](#refusal). A field or parameter with `?` may be missing or null, `[]` is a list.\n\n## Routes\n",
        sentence(&document["info"])
    );
    for (path, methods) in entries(&document["paths"]) {
        for (method, route) in entries(methods) {
            text.push_str(&route_of(path, method, route));
        }
    }
    text.push_str("\n## Types\n");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        text.push_str(&type_of(name, schema));
    }
    Ok(text)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What is said of something, for one line of a table.
fn sentence(of: &Value) -> String {
    let said = of["description"].as_str().unwrap_or_default();
    let words: Vec<&str> = said.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn route_of(path: &str, method: &str, route: &Value) -> String {
    let mut text = format!(
        "\n### {} {path}\n\n{}\n\n",
        method.to_uppercase(),
        sentence(route)
    );
    let mut parameters = items(&route["parameters"]).peekable();
    if parameters.peek().is_some() {
        text.push_str("| parameter | type | what |\n|---|---|---|\n");
        for parameter in parameters {
            let mark = match parameter["required"].as_bool() {
                Some(true) => "",
                _ => "?",
            };
            let name = parameter["name"].as_str().unwrap_or_default();
            let kind = kind(&parameter["schema"]);
            text.push_str(&format!(
                "| `{name}`{mark} | {kind} | {} |\n",
                sentence(parameter)
            ));
        }
        text.push('\n');
    }
    let body = &route["requestBody"];
    if !body.is_null() {
        text.push_str(&format!("Body: {}. ", content(body)));
    }
    text.push_str(&format!(
        "Answer: {}.\n",
        content(&route["responses"]["200"])
    ));
    text
}

/// What a body is.
fn content(body: &Value) -> String {
    match entries(&body["content"]).next() {
        Some((media, content)) if media == "application/json" => kind(&content["schema"]),
        Some((media, _)) => format!("`{media}`"),
        None => sentence(body).trim_end_matches('.').to_owned(),
    }
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let some_of: Vec<&Value> = items(&schema["oneOf"]).collect();
    if !some_of.is_empty() {
        let is_null = |schema: &&&Value| schema["type"] == "null";
        let kinds: Vec<String> = some_of
            .iter()
            .filter(|one| !is_null(one))
            .map(|one| kind(one))
            .collect();
        let mark = if some_of.iter().any(|one| is_null(&one)) {
            "?"
        } else {
            ""
        };
        return kinds.join(" or ") + mark;
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(kind) => vec![kind.as_str()],
        _ => Vec::new(),
    };
    let mark = if kinds.contains(&"null") { "?" } else { "" };
    let words = match kinds.into_iter().find(|kind| *kind != "null") {
        Some("array") => format!("{}[]", kind(&schema["items"])),
        Some("string") => "text".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some(other) => other.to_owned(),
        None => "JSON".to_owned(),
    };
    words + mark
}

fn type_of(name: &str, schema: &Value) -> String {
    let mut text = format!("\n### {name}\n\n{}\n", sentence(schema));
    let values: Vec<String> = items(&schema["enum"])
        .filter_map(|value| Some(format!("`{}`", value.as_str()?)))
        .collect();
    if !values.is_empty() {
        text.push_str(&format!("\nOne of {}.\n", values.join(" ")));
    }
    let rows = fields(schema);
    if !rows.is_empty() {
        text.push_str("\n| field | type | what |\n|---|---|---|\n");
        text.push_str(&rows);
    }
    text
}

/// The fields of an object; those of its parts, too.
fn fields(schema: &Value) -> String {
    let mut rows = String::new();
    for part in items(&schema["allOf"]) {
        match part["$ref"].is_string() {
            true => rows.push_str(&format!(
                "| all of | {} | {} |\n",
                kind(part),
                sentence(part)
            )),
            false => rows.push_str(&fields(part)),
        }
    }
    for (name, field) in entries(&schema["properties"]) {
        let is_required = items(&schema["required"]).any(|required| required == name);
        let kind = kind(field);
        let mark = if is_required || kind.ends_with('?') {
            ""
        } else {
            "?"
        };
        rows.push_str(&format!(
            "| `{name}` | {kind}{mark} | {} |\n",
            sentence(field)
        ));
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn routes_and_types_are_read_from_a_document() {
        let document = json!({
            "info": {"description": "Says."},
            "paths": {"/a/{b}": {"get": {
                "description": "Gives.",
                "parameters": [
                    {"name": "b", "required": true, "description": "Which.", "schema": {"type": "string"}},
                    {"name": "limit", "required": false, "schema": {"type": "integer"}}
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {"oneOf": [
                    {"type": "null"}, {"$ref": "#/components/schemas/Thing"}
                ]}}}}}
            }}},
            "components": {"schemas": {
                "Kind": {"description": "What.", "enum": ["a", "b"]},
                "Thing": {"description": "A | thing.", "allOf": [
                    {"$ref": "#/components/schemas/Kind", "description": "Its kind."},
                    {"required": ["x"], "properties": {
                        "x": {"type": "array", "items": {"type": "string"}}, "y": {"type": ["integer", "null"]}, "z": {"type": "boolean"}
                    }}
                ]}
            }}
        });
        let text = page(&document.to_string()).expect("a document");
        for part in [
            "### GET /a/{b}\n\nGives.\n",
            "| `b` | text | Which. |\n| `limit`? | number |  |\n",
            "Answer: [Thing](#thing)?.\n",
            "### Kind\n\nWhat.\n\nOne of `a` `b`.\n",
            "A \\| thing.",
            "| all of | [Kind](#kind) | Its kind. |\n| `x` | text[] |  |\n| `y` | number? |  |\n| `z` | boolean? |  |\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
