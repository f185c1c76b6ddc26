// Filters the list of questions, and switches between dark and light. Without it everything is shown.
(() => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll(".aq-question")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const chosen = (name) => (form.elements[name] ? form.elements[name].value : "");
  const isStage = (stage, wanted) => !wanted || stage === wanted || (wanted === "wrong" && stage !== "right");

  const apply = () => {
    const stage = chosen("stage"), category = chosen("category");
    const words = chosen("text").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, number) => {
      const fits = isStage(row.dataset.stage, stage) && (!category || row.dataset.category === category) &&
        words.every((word) => texts[number].includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    document.getElementById("count").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} questions`;
  };

  const pick = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    const option = [...form.elements.stage.options].find((one) => one.value === event.currentTarget.dataset.pick);
    if (!option) return;
    event.preventDefault();
    form.elements.stage.value = option.value;
    apply();
    document.getElementById("questions").scrollIntoView();
  };

  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const bar of document.querySelectorAll("[data-pick]")) {
    bar.addEventListener("click", pick);
    bar.addEventListener("keydown", pick);
  }
  apply();

  const theme = document.getElementById("theme");
  const isDark = () => (document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  theme.hidden = false;
  theme.addEventListener("click", () => { document.documentElement.style.colorScheme = isDark() ? "light" : "dark"; });
})();
