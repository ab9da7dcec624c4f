/* SPDX-License-Identifier: BSD-2-Clause */
/* "salvage decode" on standard input, in text or JSON: one line for each that is not blank. */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#include "fuzz.h"

static unsigned long words(const uint8_t *data, size_t size)
{
	unsigned long count = 0;
	bool blank = true;

	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			count += !blank;
			blank = true;
		} else if (!isspace(data[i])) {
			blank = false;
		}
	}
	return count + !blank;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_stream answers, errors;
	char *argv[] = {(char *)"decode", (char *)"--json", NULL};
	bool json;
	int status;

	if (size < 2)
		return 0;
	json = data[0] & 1;
	fuzz_streams_begin();
	stdin = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
	claim(stdin);
	optind = 0; /* glibc: begin anew */
	status = cli_decode(1 + json, argv);
	fclose(stdin);
	answers = fuzz_printed();
	errors = fuzz_complained();
	claim(status == 0 || status == 1);
	claim(answers.ended && errors.ended && (status == 1) == (errors.lines > 0));
	claim(answers.lines + errors.lines == words(data + 1, size - 1));
	return 0;
}
