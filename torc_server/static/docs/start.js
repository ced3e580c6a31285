// validatorUrl: with any other value the page sends the description to a server of its makers
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
