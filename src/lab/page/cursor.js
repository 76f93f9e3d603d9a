"use strict";
function get(id) { return document.getElementById(id); }
// A cursor on so many steps, which buttons and keys move; `show` is told where it is.
function cursor(count, show) {
  var at = 0;
  function to(next) {
    at = Math.max(0, Math.min(count - 1, next));
    show(at);
    get("back").disabled = at === 0;
    get("on").disabled = at === count - 1;
    if (get("first")) get("first").disabled = at === 0;
  }
  get("back").onclick = function () { to(at - 1); };
  get("on").onclick = function () { to(at + 1); };
  if (get("first")) get("first").onclick = function () { to(0); };
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (["ArrowRight", "n", "j"].indexOf(event.key) >= 0) { to(at + 1); event.preventDefault(); }
    if (["ArrowLeft", "p", "k"].indexOf(event.key) >= 0) { to(at - 1); event.preventDefault(); }
  });
  get("panel").hidden = false;
  to(0);
  return to;
}
