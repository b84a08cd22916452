// Shows the description of the API. Nothing is asked of any other server; a token that is entered is forgotten with the page.
SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null, persistAuthorization: false});
