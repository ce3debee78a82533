import { BASE_PATH } from "../base";

/** Who sees these pages, if they signed in: the service writes it into each page. */
const user = document.querySelector<HTMLMetaElement>('meta[name="weftline-user"]');

/** The way out for who signed in: at the proxy that asked for it, else by having the token's cookie taken away. */
export function SignOut() {
  if (!user) return null;
  const title = `Signed in as ${user.content}`;
  const url = user.dataset.signOut;
  // A link and no form: a proxy may lead on to its identity provider, where the page's policy lets no form go.
  return url ? (
    <a className="sign-out" href={url} title={title}>
      Sign out
    </a>
  ) : (
    <form className="sign-out" method="post" action={`${BASE_PATH}/sign-out`}>
      <button type="submit" title={title}>
        Sign out
      </button>
    </form>
  );
}
