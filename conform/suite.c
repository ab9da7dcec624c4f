/* SPDX-License-Identifier: BSD-2-Clause */
/* One case, in a process of its own: a kernel may kill it, and a guest may never come back. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* Of one transcript: a guest that prints for ever ends there. */
#define LINES_MAX 2000

void conform_results_free(struct conform_results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		struct conform_outcome *outcome = &results->outcomes[i];

		for (size_t line = 0; line < outcome->count; line++)
			free(outcome->lines[line]);
		free(outcome->lines);
		free(outcome->name);
		free(outcome->reason);
	}
	free(results->outcomes);
	json_decref(results->about);
	*results = (struct conform_results){0};
}

static _Noreturn void child(const struct conform_case *row, const struct conform_backend *backend, int out)
{
	struct conform conform = {
		.backend = backend, .kernel = backend->kernel, .row = row, .out = fdopen(out, "w")};

	if (!conform.out)
		_exit(1);
	alarm(CONFORM_SECONDS);
	if (row->host) {
		row->host(&conform);
	} else {
		conform_start(&conform);
		conform_drive(&conform);
	}
	fclose(conform.out);
	_exit(0);
}

static bool add_line(struct conform_outcome *outcome, const char *text)
{
	char **grown;

	if (outcome->count >= LINES_MAX)
		return true;
	grown = reallocarray(outcome->lines, outcome->count + 1, sizeof(*grown));
	if (!grown)
		return false;
	outcome->lines = grown;
	grown[outcome->count] = strdup(text);
	return grown[outcome->count++];
}

/* The records of transcript.c. */
static bool collect(FILE *in, struct conform_outcome *outcome)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t length;
	bool good = true;

	while (good && (length = getline(&text, &room, in)) > 2) {
		text[length - 1] = 0;
		if (text[0] == 'L') {
			good = add_line(outcome, text + 2);
		} else {
			outcome->verdict = text[0] == 'S' ? CONFORM_SKIPPED : CONFORM_NOT_OK;
			free(outcome->reason);
			outcome->reason = strdup(text + 2);
			good = outcome->reason;
		}
	}
	free(text);
	return good;
}

static void fail(struct conform_outcome *outcome, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct conform_outcome *outcome, const char *format, ...)
{
	va_list ap;

	outcome->verdict = CONFORM_NOT_OK;
	free(outcome->reason);
	va_start(ap, format);
	if (vasprintf(&outcome->reason, format, ap) < 0)
		outcome->reason = NULL;
	va_end(ap);
}

void conform_judge(const struct conform_case *row, struct conform_choices *choices,
		   struct conform_outcome *outcome)
{
	struct conform_mismatch mismatch;
	struct conform_choices any = {0};
	struct conform_mismatch unused;

	if (conform_expect(row->expected, outcome->lines, outcome->count, choices, &mismatch))
		return;
	fail(outcome, "line %zu is \"%s\", expected \"%s\"%s", mismatch.line + 1,
	     mismatch.line < outcome->count ? outcome->lines[mismatch.line] : "the end",
	     mismatch.wanted[0] ? mismatch.wanted : "the end",
	     conform_expect(row->expected, outcome->lines, outcome->count, &any, &unused)
		     ? " of this kernel, by what it did in other cases"
		     : "");
}

bool conform_run_case(const struct conform_case *row, const struct conform_backend *backend,
		      struct conform_choices *choices, struct conform_outcome *outcome)
{
	int pipes[2], status = 0;
	bool good = false;
	FILE *in;
	pid_t pid;

	*outcome = (struct conform_outcome){.name = strdup(row->name)};
	if (!outcome->name || pipe(pipes))
		return false;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(pipes[0]);
		child(row, backend, pipes[1]);
	}
	close(pipes[1]);
	in = fdopen(pipes[0], "r");
	if (in && pid > 0)
		good = collect(in, outcome);
	if (in)
		fclose(in);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		fail(outcome, WTERMSIG(status) == SIGALRM ? "no end after %d seconds" : "killed by signal %d",
		     WTERMSIG(status) == SIGALRM ? CONFORM_SECONDS : WTERMSIG(status));
	else if (status && !(WEXITSTATUS(status) == CONFORM_DIED && outcome->reason))
		fail(outcome, "the case's process ended with status %d", WEXITSTATUS(status));
	else if (outcome->verdict == CONFORM_OK)
		conform_judge(row, choices, outcome);
	return good;
}
