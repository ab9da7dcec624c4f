/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a guest again and again where KVM is, and counts how its aborts ended; events stay in a pipe.
 *
 * tally ROUNDS COUNT COMMAND...
 *
 * COMMAND writes events to its standard output. Its standard input is "COUNTxROUNDx". Fails with the first
 * round that does not end with status 0, or whose events were not all written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KINDS 128
#define FIELD 160

static struct kind {
	char what[4 * FIELD];
	unsigned long long count;
} kinds[KINDS];
static unsigned kind_count;

/* The value of a field of a line, up to its end; "" if there is none. */
static void get_field(const char *line, const char *name, char value[FIELD])
{
	char key[32];
	const char *at;
	size_t length;

	value[0] = 0;
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(line, key);
	if (!at)
		return;
	at += strlen(key);
	length = *at == '"' ? strcspn(++at, "\"") : strcspn(at, ",}");
	snprintf(value, FIELD, "%.*s", (int)length, at);
}

static void count(const char *line)
{
	char what[4 * FIELD], verdict[FIELD], cause[FIELD], reason[FIELD], repeats[FIELD];
	struct kind *kind = kinds;

	get_field(line, "verdict", verdict);
	get_field(line, "cause", cause);
	get_field(line, "reason", reason);
	get_field(line, "repeats", repeats);
	snprintf(what, sizeof(what), "%s, %s: %s", verdict, cause, reason);
	while (kind < kinds + kind_count && strcmp(kind->what, what))
		kind++;
	if (kind == kinds + kind_count && kind_count++ < KINDS)
		strcpy(kind->what, what);
	else if (kind == kinds + KINDS)
		exit(3);
	kind->count += *repeats ? strtoull(repeats, NULL, 10) : 1;
}

/* 0, or what is wrong with the round. */
static const char *run(char *const words[], const char *input)
{
	int in[2], out[2], status;
	char *line = NULL, dropped[FIELD] = "";
	size_t room = 0;
	FILE *file;
	pid_t child;

	if (pipe(in) || pipe(out) || (child = fork()) < 0)
		return "no pipe or process";
	if (!child) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		close(out[0]);
		execv(words[0], words);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	/* The other end stays open: the guest's console has not ended. */
	if (write(in[1], input, strlen(input)) < 0)
		return "nobody reads";
	file = fdopen(out[0], "r");
	while (file && getline(&line, &room, file) > 0)
		if (strstr(line, "\"event\":\"abort\""))
			count(line);
		else if (strstr(line, "\"event\":\"exit\""))
			get_field(line, "dropped", dropped);
		else if (*line != '{' && strncmp(line, "race: ", 6))
			fputs(line, stdout);
	free(line);
	fclose(file);
	close(in[1]);
	if (waitpid(child, &status, 0) < 0 || status)
		return "the status is not 0";
	return strcmp(dropped, "0") ? "events were dropped" : NULL;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 3 ? (unsigned)atoi(argv[1]) : 0;
	unsigned long long total = 0;
	const char *wrong = "usage: tally ROUNDS COUNT COMMAND...";

	for (unsigned round = 1; round <= rounds; round++) {
		char input[64];

		snprintf(input, sizeof(input), "%sx%ux", argv[2], round);
		wrong = run(argv + 3, input);
		if (wrong)
			break;
	}
	for (unsigned i = 0; i < kind_count; i++) {
		printf("%10llu %s\n", kinds[i].count, kinds[i].what);
		total += kinds[i].count;
	}
	printf("%10llu aborts\n", total);
	if (wrong)
		printf("%s\n", wrong);
	return wrong ? 1 : 0;
}
