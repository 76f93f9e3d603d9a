"use strict";
(function () {
  var found = [];
  window.addEventListener("error", function (event) { found.push("error: " + event.message); });
  document.addEventListener("securitypolicyviolation", function (event) {
    found.push("request: " + event.blockedURI + " for " + event.violatedDirective);
  });
  function box(element) { return element.getBoundingClientRect(); }
  function scrolls(element) {
    for (; element; element = element.parentElement) {
      var way = getComputedStyle(element).overflowX;
      if (way === "auto" || way === "scroll") return true;
    }
    return false;
  }
  function shown(element) {
    var at = box(element), style = getComputedStyle(element);
    return at.width > 0 && at.height > 0 && style.visibility !== "hidden" && style.display !== "none";
  }
  function name(element) { return element.tagName + " '" + element.textContent.trim().slice(0, 40) + "'"; }
  window.addEventListener("load", function () {
    document.querySelectorAll("details").forEach(function (one) { one.open = true; });
    var width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
      found.push("the page is " + document.documentElement.scrollWidth + " wide, the screen " + width);
    }
    var blocks = [].slice.call(document.querySelectorAll("h1, h2, h3, p, ul, .scroll, .lanes, .chart, .command, pre, button, summary"));
    blocks = blocks.filter(shown);
    blocks.forEach(function (block) {
      var at = box(block);
      if ((at.right > width + 1 || at.left < -1) && !scrolls(block)) found.push("outside: " + name(block));
    });
    for (var i = 0; i + 1 < blocks.length; i++) {
      for (var j = i + 1; j < blocks.length; j++) {
        var a = blocks[i], b = blocks[j];
        if (a.contains(b) || b.contains(a)) continue;
        var p = box(a), q = box(b);
        var wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        var high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (wide > 2 && high > 2) found.push("overlap: " + name(a) + " and " + name(b));
      }
    }
    document.querySelectorAll(".lanes, .chart").forEach(function (picture) {
      var texts = [].slice.call(picture.querySelectorAll("text")).filter(shown);
      var whole = box(picture);
      texts.forEach(function (text) {
        var at = box(text);
        if (at.right > width + 1 || at.left < -1) found.push("text outside: " + name(text));
        if (at.bottom > whole.bottom + 3) found.push("text below its picture: " + name(text));
      });
      for (var i = 0; i < texts.length; i++) {
        for (var j = i + 1; j < texts.length; j++) {
          var p = box(texts[i]), q = box(texts[j]);
          var wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
          var high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
          if (wide > 2 && high > 5) found.push("texts overlap: " + name(texts[i]) + " and " + name(texts[j]));
        }
      }
    });
    var at = document.getElementById("at"), on = document.getElementById("on"), back = document.getElementById("back");
    if (on && back && at) {
      var first = at.textContent;
      on.click();
      if (at.textContent === first) found.push("the button 'on' does nothing");
      var second = at.textContent;
      back.click();
      if (at.textContent !== first) found.push("the button 'back' does not lead back");
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
      if (at.textContent !== second) found.push("the key does nothing");
      var source = document.getElementById("source"), steps = document.querySelector("[data-step]");
      var marked = document.querySelectorAll("#source .here, #source .stands").length;
      if (source && (steps ? marked !== 1 : marked < 1)) found.push("no cursor in the source");
    }
    var dark = matchMedia("(prefers-color-scheme: dark)").matches;
    var paper = getComputedStyle(document.body).backgroundColor;
    var mark = document.createElement("div");
    mark.id = "probe";
    mark.setAttribute("data-found", JSON.stringify({ found: found, width: width, dark: dark, paper: paper }));
    document.body.appendChild(mark);
  });
}());
