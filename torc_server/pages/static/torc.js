// Follows the events of a workflow, and loads its parts again.
"use strict";
(() => {
  const PAUSE_MS = 1000; // events come by the thousand while jobs end; the parts are loaded once in this time
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
      setTimeout(renew, PAUSE_MS); // loading would replace the element that a person is using
      return;
    }
    waiting = false;
    if (now) window.htmx.trigger(now, "torc:news");
  }
  stream.onerror = () => { document.documentElement.dataset.live = "off"; };
  addEventListener("pagehide", () => stream.close());
})();
