/** The path that this site lives under, without a slash at its end: "" or such as "/weftline". From <base href>. */
export const BASE_PATH = new URL(document.baseURI).pathname.replace(/\/[^/]*$/, "");
