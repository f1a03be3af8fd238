// Ten bars, one per digit: the model's probability for each.

export interface Bars {
  /** Shows the probabilities of the digits 0 to 9, or none without a drawing. */
  show(probabilities: readonly number[] | undefined): void;
}

/** Fills a list with bars; `answer` gets the digit with the highest probability. */
export function bars(list: HTMLElement, answer: HTMLElement): Bars {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = document.createElement("li");
    const [name, track, share] = ["digit", "track", "share"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      return part;
    }) as [HTMLElement, HTMLElement, HTMLElement];
    name.textContent = String(digit);
    name.ariaHidden = share.ariaHidden = "true";
    track.append(document.createElement("span"));
    for (const [key, value] of Object.entries({ role: "meter", "aria-valuemin": "0", "aria-valuemax": "100" }))
      track.setAttribute(key, value);
    track.ariaLabel = `Probability of ${digit}`;
    row.append(name, track, share);
    list.append(row);
    return { row, track, share };
  });
  return {
    show(probabilities) {
      const best = probabilities?.indexOf(Math.max(...probabilities));
      rows.forEach(({ row, track, share }, digit) => {
        const percent = 100 * (probabilities?.[digit] ?? 0);
        row.classList.toggle("best", digit === best);
        row.style.setProperty("--share", String(percent / 100));
        track.ariaValueNow = percent.toFixed(0);
        share.textContent = probabilities === undefined ? "" : `${percent.toFixed(percent < 9.95 ? 1 : 0)}%`;
      });
      const text = best === undefined ? "?" : String(best);
      if (answer.textContent !== text) answer.textContent = text; // so that screen readers announce changes only
    },
  };
}
