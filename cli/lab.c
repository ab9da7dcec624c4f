/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage lab: the laboratory is a Python program; this finds it and becomes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define LAB_PROGRAM "lab/lab.py"
/* The laboratory's first process, compiled for arm64; lab/meson.build puts it there. */
#define LAB_INIT "lab/lab-init"

int cli_lab(int argc, char **argv)
{
	char *program = cli_resource(LAB_PROGRAM), *init = cli_resource(LAB_INIT);
	char **words = calloc((size_t)argc + 4, sizeof(*words)), *option = NULL;
	int status, count = 0;

	if (!program) {
		status = cli_fail(CLI_UNAVAILABLE, "lab", LAB_PROGRAM " is missing; install salvage whole");
		goto out;
	}
	/*
	 * Where nothing was built for arm64 the program compiles what it needs itself, or says what is
	 * missing.
	 */
	if (init && asprintf(&option, "--init=%s", init) < 0)
		option = NULL;
	if (!words || (init && !option)) {
		status = cli_fail(CLI_INTERNAL, "lab", "%s", strerror(ENOMEM));
		goto out;
	}
	words[count++] = "python3";
	words[count++] = program;
	if (option)
		words[count++] = option;
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	execvp(words[0], words);
	status = errno == ENOENT
			 ? cli_fail(CLI_UNAVAILABLE, "python3", "is not installed; apt-get install python3")
			 : cli_fail(CLI_UNAVAILABLE, "python3", "%s", strerror(errno));
out:
	free(option);
	free(words);
	free(init);
	free(program);
	return status;
}
