// A button that makes a link of what the page shows: it goes into the address of the page, and into the clipboard where
// the browser allows that.
import { ref, type Ref } from "vue";

/** What the button says, and what it does. */
export function copying(title: string): { readonly said: Ref<string>; copy(link: string): Promise<void> } {
  const said = ref(title);
  return {
    said,
    async copy(link) {
      history.replaceState(history.state, "", link);
      // Pages at http: have no clipboard.
      const { clipboard } = navigator as { readonly clipboard?: { writeText(text: string): Promise<void> } };
      const copied = await clipboard?.writeText(link).then(
        () => true,
        () => false,
      );
      said.value = copied === true ? "Copied" : "In the address bar";
      setTimeout(() => (said.value = title), 2000);
    },
  };
}
