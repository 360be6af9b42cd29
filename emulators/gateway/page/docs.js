// Additions of the documentation page to Swagger UI.
"use strict";

const soukDocs = (() => {
  const keyHeader = "Idempotency-Key";

  // randomUUID is only available on pages from this machine or over HTTPS.
  function newKey() {
    if (crypto.randomUUID) {
      return crypto.randomUUID();
    }
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // The document's example of a key, which the form contains until the user changes it.
  let example = "";

  function findExample(document) {
    const parameters = Object.values(document.components?.parameters ?? {});
    return parameters.find((parameter) => parameter.name === keyHeader)?.example ?? "";
  }

  return {
    // A repeated key has no effect, so each attempt gets a new one, unless the user
    // entered one.
    requestInterceptor(request) {
      if (request.method === "POST" && request.headers[keyHeader] !== undefined) {
        const key = request.headers[keyHeader];
        request.headers[keyHeader] = key === "" || key === example ? newKey() : key;
      }
      return request;
    },

    // Operations for admins are marked in the list.
    plugin: () => ({
      statePlugins: {
        spec: {
          wrapActions: {
            updateJsonSpec: (original) => (document) => {
              example = findExample(document);
              return original(document);
            },
          },
        },
      },
      wrapComponents: {
        OperationSummaryPath: (Original, system) => (props) => {
          const h = system.React.createElement;
          const operation = props.operationProps;
          const access = system.specSelectors
            .specJson()
            .getIn(["paths", operation.get("path"), operation.get("method"), "x-access"]);
          const path = h(Original, { ...props, key: "path" });
          const permission = /^staff\((.*)\)$/.exec(access ?? "");
          return permission ? [path, h("span", { key: "access", className: "souk-staff" }, permission[1])] : path;
        },
      },
    }),
  };
})();
