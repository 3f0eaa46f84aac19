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

  // A form is sent once: a second click changes nothing.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    if (event.target.method === "post") event.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
