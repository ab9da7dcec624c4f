/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a transcript is one that a case allows. Pure functions. */
#ifndef CONFORM_EXPECT_H
#define CONFORM_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

#define CONFORM_FAMILIES 16
#define CONFORM_WORD     32 /* of a family, of a member, with the 0 */

/* Which member of each family this kernel was found to be. An empty one is at the start of its life. */
struct conform_choices {
	struct {
		char family[CONFORM_WORD], member[CONFORM_WORD];
	} at[CONFORM_FAMILIES];
	size_t count;
};

/* The member of a family; NULL: it has not been met. */
const char *conform_chosen(const struct conform_choices *choices, const char *family);

/* Where a transcript left what is expected: line is its index, wanted the line there ("" for the end). */
struct conform_mismatch {
	size_t line;
	char wanted[200];
};

/*
 * Holds lines against the text of a case (case.h). choices bind, and take up what is met, if the transcript
 * is as expected. False: *mismatch has the place where the longest attempt ended. A text that breaks its own
 * rules matches nothing.
 */
bool conform_expect(const char *expected, char *const *lines, size_t count, struct conform_choices *choices,
		    struct conform_mismatch *mismatch);

#endif
