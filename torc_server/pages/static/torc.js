// Follows the news of a workflow, and asks for its parts again.
"use strict";
(() => {
  const PAUSE_MS = 1000; // news come by the thousand while jobs end; the page is asked for once in this time
  const part = document.querySelector("main [data-live]");
  if (!part || !window.EventSource) return;
  let waiting = false;
  const stream = new EventSource(part.dataset.live);
  stream.onmessage = (message) => {
    document.documentElement.dataset.live = "on";
    if (message.data !== "news" || waiting) return;
    waiting = true;
    setTimeout(renew, PAUSE_MS);
  };
  function renew() {
    const now = document.querySelector("main [data-live]");
    if (now && now.contains(document.activeElement)) {
      setTimeout(renew, PAUSE_MS); // what has the focus would go from under the fingers
      return;
    }
    waiting = false;
    if (now) window.htmx.trigger(now, "torc:news");
  }
  stream.onerror = () => { document.documentElement.dataset.live = "off"; };
  addEventListener("pagehide", () => stream.close());
})();
