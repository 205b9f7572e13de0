// The token lives as long as the page: it is not kept in the browser's storage.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  // The badge would come from somebody else's server.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
