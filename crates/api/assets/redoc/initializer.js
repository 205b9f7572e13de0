// No search: it would need a worker made from a blob, which the page's policy does not allow.
Redoc.init("openapi.json", { disableSearch: true, hideDownloadButton: false }, document.getElementById("redoc"));
