/** How the command ends. */
export const EXIT_FINE = 0
/** A bug of ours. */
export const EXIT_BUG = 1
/** The answer to what was asked is no: a policy breaks a law, traces differ. */
export const EXIT_NO = 1
/** A mistake in the input, or a place that takes no output. */
export const EXIT_USER = 2
export const EXIT_INTERRUPTED = 130

/** Printed before what is known of a bug. */
export const BUG_TEXT = 'shapewise: internal error, please report it with the command line\n'
