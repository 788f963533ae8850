/** The version of the package, as events carry it. */

export const VERSION = "0.1.0";
