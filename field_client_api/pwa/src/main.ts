/** Where the phone begins: styles, language, what is kept, the one application, the worker. */
// One by one: the library's own bundles would fetch an icon font from the internet.
import "vant/es/style/base.css";
import "vant/es/overlay/index.css";
import "vant/es/popup/index.css";
import "vant/es/stepper/index.css";
import "vant/es/circle/index.css";
import "./styles/phone.css";
import { createApp } from "vue";
import App from "./App.vue";
import { i18n, language, speak } from "./i18n";
import { start } from "./shell/nav";
import { warmUp } from "./shell/ring";
import { shine } from "./shell/theme";
import { openPhone } from "./work/phone";

const app = createApp(App);
app.use(i18n);
speak(language.value);
shine();
start();
document.addEventListener("pointerdown", warmUp);
void openPhone().then(() => app.mount("#app"));
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // Without a worker the screens still work; they only do not open without a signal.
  navigator.serviceWorker.register("/worker.js").catch(() => undefined);
}
// What is kept is the crew's word: ask the browser not to clear it when space runs short.
void navigator.storage?.persist?.();
