// The next step is at another address: send its form by itself. Without scripts there is its button.
document.querySelector("form[data-leads-on]")?.requestSubmit();
