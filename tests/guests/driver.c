/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the commands of a list one after the other, where KVM is, and gathers what they did in one file. There
 * is no shell there.
 *
 * driver LIST RESULT
 *
 * LIST has a line a case: NAME, standard input, then the command's words, separated by tabs; the word EVENTS
 * becomes the name of a file for events. RESULT gets for each case a line "NAME STATUS SIZE SIZE SIZE" and as
 * many bytes of standard output, standard error and events.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 64

static const char *const names[] = {"driver-stdin", "driver-stdout", "driver-stderr", "driver-events"};
enum { STDIN, STDOUT, STDERR, EVENTS, FILES };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Fresh files for one case. */
static void prepare(const char *input)
{
	for (int i = 0; i < FILES; i++) {
		FILE *file = fopen(names[i], "w");

		if (!file || (i == STDIN && fputs(input, file) < 0) || fclose(file))
			die(names[i]);
	}
}

static int run(char *const words[])
{
	int status;
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		for (int i = STDIN; i <= STDERR; i++)
			if (dup2(open(names[i], i == STDIN ? O_RDONLY : O_WRONLY), i) < 0)
				_exit(126);
		execv(words[0], words);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static long size_of(const char *name)
{
	FILE *file = fopen(name, "r");
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		die(name);
	fclose(file);
	return size;
}

static void append(FILE *result, const char *name, long size)
{
	char *bytes = malloc((size_t)size + 1);
	FILE *file = fopen(name, "r");

	if (!bytes || !file || fread(bytes, 1, (size_t)size, file) != (size_t)size ||
	    fwrite(bytes, 1, (size_t)size, result) != (size_t)size)
		die(name);
	fclose(file);
	free(bytes);
}

static void run_case(FILE *result, char *line)
{
	char *words[WORDS + 1] = {0}, *name = strsep(&line, "\t"), *input = strsep(&line, "\t"), *word;
	int count = 0, status;

	while (count < WORDS && (word = strsep(&line, "\t")))
		words[count++] = strcmp(word, "EVENTS") ? word : (char *)"--events=driver-events";
	if (!input || !count) {
		fprintf(stderr, "driver: %s: not a case\n", name);
		exit(1);
	}
	prepare(input);
	status = run(words);
	fprintf(result, "%s %d %ld %ld %ld\n", name, status, size_of(names[STDOUT]), size_of(names[STDERR]),
		size_of(names[EVENTS]));
	for (int i = STDOUT; i < FILES; i++)
		append(result, names[i], size_of(names[i]));
}

int main(int argc, char **argv)
{
	FILE *list = argc == 3 ? fopen(argv[1], "r") : NULL, *result = argc == 3 ? fopen(argv[2], "w") : NULL;
	char *line = NULL;
	size_t room = 0;

	if (!list || !result)
		die("driver LIST RESULT");
	while (getline(&line, &room, list) > 0) {
		line[strcspn(line, "\n")] = 0;
		run_case(result, line);
	}
	free(line);
	fclose(list);
	return fclose(result) ? 1 : 0;
}
