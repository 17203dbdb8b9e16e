/**
 * A form that was refused comes back as it was sent: what was typed and chosen is kept in the tab until the next
 * page, passwords never.
 */
const KEPT = 'andon-draft';

const fieldsOf = (form) =>
  [...form.elements].filter(
    ({ name, type }) =>
      name && name !== '_token' && !['password', 'hidden', 'submit'].includes(type),
  );
const isTick = ({ type }) => type === 'radio' || type === 'checkbox';
const pathOf = (form) => new URL(form.action).pathname;

document.addEventListener('submit', ({ target: form, defaultPrevented }) => {
  if (defaultPrevented || form.method !== 'post' || form.matches('[data-stay]')) return;
  const values = fieldsOf(form).map((one) => (isTick(one) ? one.checked : one.value));
  sessionStorage.setItem(KEPT, JSON.stringify({ path: pathOf(form), values }));
});

const kept = sessionStorage.getItem(KEPT);
sessionStorage.removeItem(KEPT);
if (kept && document.querySelector('.notice.bad')) {
  const { path, values } = JSON.parse(kept);
  const form = [...document.querySelectorAll('form[method=post]')].find(
    (one) => pathOf(one) === path,
  );
  // The page may be another by now: what does not fit any more is left as it is.
  const fields = form ? fieldsOf(form) : [];
  if (fields.length === values.length) {
    for (const [n, field] of fields.entries()) {
      if (isTick(field)) field.checked = values[n];
      else field.value = values[n];
    }
  }
}
