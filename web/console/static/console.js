// Moments in the reader's own zone, filters that apply at once, forms that are sent once. Everything works without it.
(() => {
  const zoned = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false };
  const dated = { day: "numeric", month: "short", year: "numeric" };
  const show = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-shown])")) {
      const at = new Date(time.dateTime);
      const how = time.classList.contains("day") ? dated : zoned;
      time.textContent = new Intl.DateTimeFormat("en-GB", how).format(at);
      time.dataset.shown = "";
    }
  };
  show(document);
  document.addEventListener("htmx:afterSwap", () => show(document));
  document.addEventListener("live-shown", () => show(document));

  // An answer to what was given before must not undo what is given by now: it is left out, for another is on its way.
  const overtaken = new WeakSet();
  document.addEventListener("change", (event) => {
    for (const part of event.target.form?.querySelectorAll("[hx-post]") ?? []) {
      if (part.contains(event.target) || part.matches("[hx-trigger*='from:']")) overtaken.add(part);
    }
  });
  document.addEventListener("htmx:beforeSend", (event) => overtaken.delete(event.detail.elt));
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (overtaken.has(event.detail.requestConfig.elt)) event.detail.shouldSwap = false;
  });

  // A form is sent once: a second click changes nothing.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    if (event.target.method === "post") event.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
