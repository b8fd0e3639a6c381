// Loaded before an app (NODE_OPTIONS=--require=...), makes the fetch of Node 18 to 22.20 heed HTTPS_PROXY and NO_PROXY.

const { EnvHttpProxyAgent, setGlobalDispatcher } = require("undici");

setGlobalDispatcher(new EnvHttpProxyAgent());
