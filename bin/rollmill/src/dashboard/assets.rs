//! The page's files, compiled in: the page needs nothing but the node.

use axum::{
    Router,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    routing::get,
};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// A file.
pub(super) struct Asset {
    /// Where it is served.
    pub(super) path: &'static str,
    /// Its type.
    pub(super) kind: &'static str,
    /// Its content.
    pub(super) content: &'static str,
}

macro_rules! assets {
    ($($kind:ident $path:literal $file:literal)*) => {
        [$(Asset {
            path: $path,
            kind: $kind,
            content: include_str!(concat!("../../dashboard/", $file)),
        }),*]
    };
}

/// All of them.
pub(super) static ASSETS: [Asset; 28] = assets! {
    HTML "/" "index.html"
    CSS "/style.css" "style.css"
    IMAGE "/icon.svg" "icon.svg"
    SCRIPT "/app.js" "app.js"
    SCRIPT "/abi.js" "abi.js"
    SCRIPT "/api.js" "api.js"
    SCRIPT "/chart.js" "chart.js"
    SCRIPT "/contracts.js" "contracts.js"
    SCRIPT "/dom.js" "dom.js"
    SCRIPT "/draw.js" "draw.js"
    SCRIPT "/form.js" "form.js"
    SCRIPT "/format.js" "format.js"
    SCRIPT "/keccak.js" "keccak.js"
    SCRIPT "/lottery.js" "lottery.js"
    SCRIPT "/measure.js" "measure.js"
    SCRIPT "/show.js" "show.js"
    SCRIPT "/token.js" "token.js"
    SCRIPT "/wallet.js" "wallet.js"
    SCRIPT "/words.js" "words.js"
    SCRIPT "/pages/batches.js" "pages/batches.js"
    SCRIPT "/pages/bridge.js" "pages/bridge.js"
    SCRIPT "/pages/economics.js" "pages/economics.js"
    SCRIPT "/pages/explorer.js" "pages/explorer.js"
    SCRIPT "/pages/health.js" "pages/health.js"
    SCRIPT "/pages/proving.js" "pages/proving.js"
    SCRIPT "/pages/rollers.js" "pages/rollers.js"
    SCRIPT "/pages/stake.js" "pages/stake.js"
    SCRIPT "/pages/tokens.js" "pages/tokens.js"
};

/// Serves them. A browser asks each time, so that the page is never older than its node.
pub(super) fn router() -> Router {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "no-cache")];
        let answer = move || async move { (headers, asset.content) };
        router.route(asset.path, get(answer))
    })
}
