//! Does with iceberg-rust what each line of standard input asks for, and answers with one line each. A line is a JSON
//! object with "do" and its arguments; the answer is {"result": ...} or {"error": "..."}.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, stdin};

use iceberg::{Catalog, CatalogBuilder};
use iceberg_catalog_rest::{RestCatalog, RestCatalogBuilder};
use serde_json::{Value, json};

type Answer = Result<Value, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut catalog = None;
    for line in stdin().lock().lines() {
        let line = line.expect("a line of UTF-8");
        let answer = match answer(&line, &mut catalog).await {
            Ok(result) => json!({ "result": result }),
            Err(error) => json!({ "error": format!("{error:?}") }),
        };
        println!("{answer}");
    }
}

async fn answer(line: &str, catalog: &mut Option<RestCatalog>) -> Answer {
    let ask: Value = serde_json::from_str(line)?;
    match ask["do"].as_str() {
        // The first request of a catalog fetches its token.
        Some("start") => {
            let properties: HashMap<String, String> = serde_json::from_value(ask["properties"].clone())?;
            *catalog = Some(RestCatalogBuilder::default().load("e2e", properties).await?);
            Ok(json!(true))
        }
        Some("list") => {
            let namespaces = catalog.as_ref().ok_or("not started")?.list_namespaces(None).await?;
            Ok(json!(namespaces.iter().map(|name| name.to_url_string()).collect::<Vec<_>>()))
        }
        // What an application must do itself: the library never renews.
        Some("regenerate") => {
            catalog.as_ref().ok_or("not started")?.regenerate_token().await?;
            Ok(json!(true))
        }
        _ => Err("unknown".into()),
    }
}
