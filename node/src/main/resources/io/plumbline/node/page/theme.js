// Loaded before anything is drawn, so that no page flashes in the other theme. Not a module: those come too late.
(() => {
  const themes = ['auto', 'light', 'dark'];
  const kept = () => {
    try {
      return themes.includes(localStorage.getItem('theme')) ? localStorage.getItem('theme') : 'auto';
    } catch {
      return 'auto';
    }
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  // The theme is what was chosen; the scheme is light or dark, and all that the style sheet looks at.
  const resolve = (theme) => {
    document.documentElement.dataset.scheme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
    document.dispatchEvent(new Event('theme'));
  };
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) {
      button.textContent = `◐ ${theme}`;
      button.setAttribute('aria-label', `Theme: ${theme}`);
    }
    resolve(theme);
  };
  apply(kept());
  document.addEventListener('DOMContentLoaded', () => {
    apply(kept());
    document.getElementById('theme').addEventListener('click', () => {
      const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
      try {
        localStorage.setItem('theme', next);
      } catch {
        // It holds until the page is left.
      }
      apply(next);
    });
    dark.addEventListener('change', () => resolve(document.documentElement.dataset.theme));
  });
})();
