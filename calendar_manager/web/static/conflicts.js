// Conflicts: answers that refuse are shown where they belong, and the count beside the page follows.
"use strict";

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  const page = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/html");
  if (page && event.detail.target.matches("article.conflict") && [409, 422].includes(xhr.status)) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

document.addEventListener("conflict-ended", (event) => {
  const link = document.querySelector('.side nav a[href="/conflicts"]');
  const count = link?.querySelector(".count");
  if (!count) {
    return;
  }
  const { open } = event.detail;
  if (open) {
    count.lastChild.textContent = String(open);
    count.title = `${open} to look at`;
  } else {
    count.remove();
  }
});
