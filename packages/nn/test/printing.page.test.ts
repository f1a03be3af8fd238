// Printing in a page.
import { printing } from "./printing.ts";

printing();
