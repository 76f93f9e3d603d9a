//! A page as another program reads it.

use serde_json::Value;

/// The JSON in a page.
pub fn data_of(page: &str) -> Value {
    let (_, data) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}
