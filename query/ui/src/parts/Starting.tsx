/** While the first page's files are on their way. */
export function Starting() {
  return (
    <main>
      <p role="status" className="quiet">
        Loading …
      </p>
    </main>
  );
}
