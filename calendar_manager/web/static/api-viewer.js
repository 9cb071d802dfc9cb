// Shows the API's description; tries of signed-in people carry their CSRF token.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const token = document.cookie.match(/(?:^|; )calendar_manager_csrf=([^;]*)/);
  window.SwaggerUIBundle({
    url: "/openapi.json",
    domNode: document.getElementById("api-viewer"),
    deepLinking: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (token) {
        request.headers["X-CSRF-Token"] = decodeURIComponent(token[1]);
      }
      return request;
    },
  });
});
