/* SPDX-License-Identifier: BSD-2-Clause */
/* The laboratory knows its parts itself (lab/parts.py). Nothing of it is needed by salvage wrap. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli.h"
#include "doctor.h"

/* "state<TAB>what<TAB>detail<TAB>remedy", the last one may be empty. */
static void say_line(struct doctor *doctor, char *line)
{
	char *state, *what, *detail, *remedy;

	line[strcspn(line, "\n")] = 0;
	state = strsep(&line, "\t");
	what = strsep(&line, "\t");
	detail = strsep(&line, "\t");
	remedy = strsep(&line, "\t");
	if (remedy)
		doctor_say(doctor, strcmp(state, "ok") ? DOCTOR_NOTE : DOCTOR_OK, what,
			   *remedy ? remedy : NULL, "%s", detail);
}

/* Its standard output, which is to be closed; NULL with errno. */
static FILE *start(const char *program, pid_t *child)
{
	int ends[2];

	if (pipe(ends))
		return NULL;
	*child = fork();
	if (!*child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("python3", "python3", program, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*child > 0)
		return fdopen(ends[0], "r");
	close(ends[0]);
	return NULL;
}

void doctor_laboratory(struct doctor *doctor)
{
	char *program = cli_resource("lab/parts.py"), *guest = cli_resource("arm64/salvage"), *line = NULL;
	FILE *parts = NULL;
	int status = -1;
	size_t size = 0;
	pid_t child;

	if (program && (parts = start(program, &child))) {
		while (getline(&line, &size, parts) > 0)
			say_line(doctor, line);
		fclose(parts);
		waitpid(child, &status, 0);
	}
	if (!program)
		doctor_say(doctor, DOCTOR_NOTE, "laboratory", "install salvage whole", "it is not there");
	else if (status)
		doctor_say(doctor, DOCTOR_NOTE, "laboratory", "apt-get install python3",
			   "cannot say what it has: %s",
			   WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "python3 is missing"
									   : "python3 failed");
	if (guest)
		doctor_say(doctor, DOCTOR_OK, "lab salvage", NULL, "%s", guest);
	else
		doctor_say(doctor, DOCTOR_NOTE, "lab salvage", "make arm64",
			   "not built for arm64: \"salvage run --backend=lab\" cannot run");
	free(line);
	free(guest);
	free(program);
}
