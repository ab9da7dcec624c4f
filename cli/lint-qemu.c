/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user's QEMU: what its command line asks for, what it is, and its run. Options are only looked at; to
 * the command line, which may begin with other programs ("timeout 60 qemu-system-aarch64 ..."), words are
 * added at the end, so that these pass them on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "lint.h"

#define PROGRAM      "qemu-system-"
#define ANSWER_MAX   (4u << 20)
#define ANSWER_MS    20000
#define PROBE_WORDS  64
#define LOG_PIPE     (1 << 20)
#define LOG_DRAIN_MS 200

static int need_tcg(const char *option, const char *value)
{
	return cli_fail(
		CLI_USAGE, option,
		"asks for the accelerator \"%s\", under which QEMU runs no plugin; leave it out or give -accel tcg",
		value);
}

/* A list of accelerators, separated by colons, ending at a comma. */
static int check_accelerators(const char *option, const char *list)
{
	char name[32];

	while (*list && *list != ',') {
		size_t length = strcspn(list, ":,");

		if (length != 3 || memcmp(list, "tcg", 3)) {
			snprintf(name, sizeof(name), "%.*s", (int)length, list);
			return need_tcg(option, name);
		}
		list += length;
		list += *list == ':';
	}
	return 0;
}

/* -machine's accel=, at its beginning or behind a comma. */
static int check_machine(const char *option, const char *value)
{
	for (const char *at = value; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, "accel=", 6)) {
			int status = check_accelerators(option, at + 6);

			if (status)
				return status;
		}
	}
	return 0;
}

int lint_qemu_read(struct lint_qemu *qemu, int count, char **words)
{
	int status = 0;

	*qemu = (struct lint_qemu){.words = words, .count = count};
	for (int i = 0; i < count; i++) {
		const char *slash = strrchr(words[i], '/');

		if (!strncmp(slash ? slash + 1 : words[i], PROGRAM, sizeof(PROGRAM) - 1)) {
			qemu->program = i;
			break;
		}
	}
	for (int i = qemu->program + 1; i < count && !status; i++) {
		const char *name = words[i], *value = i + 1 < count ? words[i + 1] : "";

		if (*name++ != '-')
			continue;
		name += *name == '-';
		if (!strcmp(name, "enable-kvm"))
			status = need_tcg(words[i], "kvm");
		else if (!strcmp(name, "daemonize"))
			status = cli_fail(CLI_USAGE, words[i], "lint waits for QEMU's end; leave it out");
		else if (!strcmp(name, "accel"))
			status = check_accelerators(words[i], value);
		else if (!strcmp(name, "machine") || !strcmp(name, "M"))
			status = check_machine(words[i], value);
		else if (!strcmp(name, "kernel"))
			qemu->kernel = value;
		else if (!strcmp(name, "d") || !strcmp(name, "D") || !strcmp(name, "trace"))
			qemu->logging = words[i];
		else if (strcmp(name, "append"))
			continue;
		i += strcmp(name, "enable-kvm") && strcmp(name, "daemonize");
	}
	return status;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What comes through fd until its end, or until time is over. To be freed; NULL if memory ran out. */
static char *read_answer(int fd)
{
	uint64_t end = now_ms() + ANSWER_MS;
	char *answer = malloc(ANSWER_MAX + 1);
	size_t length = 0;

	while (answer && length < ANSWER_MAX) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();
		ssize_t got;

		if (now >= end || poll(&wait, 1, (int)(end - now)) <= 0)
			break;
		got = read(fd, answer + length, ANSWER_MAX - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (answer)
		answer[length] = 0;
	return answer;
}

/*
 * Runs words and returns all that they say, to be freed; NULL with errno if they cannot be run. input is what
 * they are told, which a pipe holds.
 */
static char *ask(char **words, const char *input)
{
	int in[2], out[2], failed[2], error = 0;
	char *answer = NULL;
	pid_t child;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		return NULL;
	child = fork();
	if (!child) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		execvp(words[0], words);
		error = errno;
		if (write(failed[1], &error, sizeof(error)) < 0)
			_exit(126);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(failed[1]);
	if (child < 0)
		error = errno;
	else if (read(failed[0], &error, sizeof(error)) <= 0)
		error = 0;
	/* Should it end before it reads, that is no reason for us to end. */
	signal(SIGPIPE, SIG_IGN);
	if (!error && write(in[1], input, strlen(input)) < 0)
		error = errno == EPIPE ? 0 : errno;
	close(in[1]);
	if (!error)
		answer = read_answer(out[0]);
	close(out[0]);
	close(failed[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	signal(SIGPIPE, SIG_DFL);
	if (error)
		errno = error;
	return answer;
}

/* The words up to QEMU's name, then more. Returns how many were put in. */
static int begin_probe(const struct lint_qemu *qemu, char **words, const char *const *more)
{
	int count = 0;

	if (qemu->program >= PROBE_WORDS / 2)
		return 0;
	for (; count <= qemu->program; count++)
		words[count] = qemu->words[count];
	for (; *more; more++)
		words[count++] = (char *)*more;
	words[count] = NULL;
	return count;
}

/* Whether a list has a line that begins with the word. */
static bool has_item(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, word, length) && at[length] == ' ')
			return true;
	}
	return false;
}

int lint_qemu_ask(struct lint_qemu *qemu)
{
	static const char *const about[] = {"-version", NULL}, *const items[] = {"-d", "help", NULL};
	char *words[PROBE_WORDS], *answer, *version;
	const char *program = qemu->words[qemu->program];

	if (!begin_probe(qemu, words, about))
		return 0;
	answer = ask(words, "");
	if (!answer)
		return cli_fail(CLI_UNAVAILABLE, words[0], "%s; apt-get install qemu-system-arm brings QEMU",
				strerror(errno));
	version = strstr(answer, "version ");
	if (version)
		snprintf(qemu->version, sizeof(qemu->version), "%.*s", (int)strcspn(version + 8, " \r\n"),
			 version + 8);
	free(answer);
	begin_probe(qemu, words, items);
	answer = ask(words, "");
	if (!answer)
		return cli_fail(CLI_UNAVAILABLE, words[0], "%s", strerror(errno));
	qemu->asked = has_item(answer, "int") && has_item(answer, "guest_errors");
	qemu->plugins = has_item(answer, "plugin");
	qemu->log_invalid = has_item(answer, "invalid_mem");
	free(answer);
	if (qemu->asked && !qemu->plugins)
		return cli_fail(
			CLI_UNAVAILABLE, program,
			"was built without plugins, which lint needs; use one that was configured with "
			"--enable-plugins, as Debian's are");
	return 0;
}

bool lint_qemu_map(const struct lint_qemu *qemu, struct lint_map *map)
{
	static const char *const bare[] = {"-display", "none",  "-nodefaults", "-S",
					   "-monitor", "stdio", NULL};
	static const char *const kept[] = {"M", "machine", "cpu", "m", "smp"};
	char *words[PROBE_WORDS], *answer;
	int count = begin_probe(qemu, words, bare);
	bool ok;

	for (int i = qemu->program + 1; count && i + 1 < qemu->count && count < PROBE_WORDS - 2; i++) {
		const char *name = qemu->words[i] + strspn(qemu->words[i], "-");

		for (size_t k = 0; name != qemu->words[i] && k < sizeof(kept) / sizeof(*kept); k++) {
			if (!strcmp(name, kept[k])) {
				words[count++] = qemu->words[i];
				words[count++] = qemu->words[++i];
				break;
			}
		}
	}
	words[count] = NULL;
	answer = count ? ask(words, "info mtree -f\nquit\n") : NULL;
	ok = answer && lint_map_parse(answer, map);
	free(answer);
	return ok;
}

/* --- the run --- */

struct reader {
	struct lint_log *log;
	int fd;
	_Atomic bool ended; /* QEMU has */
};

/* Should something that QEMU has left behind keep the pipe open, silence after its end is an end too. */
static void *read_log(void *data)
{
	struct reader *reader = data;
	char buffer[65536];

	for (;;) {
		struct pollfd wait = {.fd = reader->fd, .events = POLLIN};
		int ready = poll(&wait, 1, LOG_DRAIN_MS);
		ssize_t length;

		if (!ready && reader->ended)
			break;
		if (ready <= 0)
			continue;
		length = read(reader->fd, buffer, sizeof(buffer));
		if (length <= 0)
			break;
		lint_log_feed(reader->log, buffer, (size_t)length);
	}
	lint_log_end(reader->log);
	return NULL;
}

static volatile sig_atomic_t running;

/* A terminal sends Ctrl-C to QEMU too; what was sent to us alone is passed on. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	if (info->si_code <= 0 && running > 0)
		kill((pid_t)running, number);
}

/* Commas in QEMU's options are doubled. To be freed. */
static char *plugin_option(const char *plugin, int report)
{
	char *option = malloc(2 * strlen(plugin) + 80), *to = option;

	if (!option)
		return NULL;
	for (; *plugin; plugin++) {
		*to++ = *plugin;
		if (*plugin == ',')
			*to++ = ',';
	}
	/* By way of us: programs before QEMU may close what they do not know. */
	sprintf(to, ",report=/proc/%d/fd/%d", (int)getpid(), report);
	return option;
}

static pid_t start(char **words, int *error)
{
	int failed[2];
	pid_t child;

	*error = 0;
	if (pipe2(failed, O_CLOEXEC)) {
		*error = errno;
		return -1;
	}
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execvp(words[0], words);
		*error = errno;
		if (write(failed[1], error, sizeof(*error)) < 0)
			_exit(126);
		_exit(127);
	}
	if (child < 0)
		*error = errno;
	close(failed[1]);
	if (child > 0 && read(failed[0], error, sizeof(*error)) > 0) {
		waitpid(child, NULL, 0);
		child = -1;
	}
	close(failed[0]);
	return child;
}

static int wait_for(pid_t child)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO}, before[4];
	int status = 0;

	running = child;
	for (size_t i = 0; i < 4; i++)
		sigaction(numbers[i], &action, &before[i]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	running = 0;
	for (size_t i = 0; i < 4; i++)
		sigaction(numbers[i], &before[i], NULL);
	return status;
}

int lint_qemu_run(const struct lint_qemu *qemu, const char *plugin, int report, struct lint_log *log,
		  int *wait)
{
	char **words = calloc((size_t)qemu->count + 8, sizeof(*words)), path[64];
	char *option = plugin_option(plugin, report);
	int pipes[2] = {-1, -1}, count = qemu->count, error = 0, status = 0;
	struct reader reader = {.log = log};
	pthread_t thread;
	bool reading = false;
	pid_t child;

	if (!words || !option || (log && pipe2(pipes, O_CLOEXEC))) {
		status = cli_fail(CLI_INTERNAL, "lint", "%s", strerror(errno));
		goto out;
	}
	memcpy(words, qemu->words, (size_t)count * sizeof(*words));
	words[count++] = "-plugin";
	words[count++] = option;
	if (log) {
		fcntl(pipes[1], F_SETPIPE_SZ, LOG_PIPE); /* if it may be so large */
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), pipes[1]);
		words[count++] = "-d";
		words[count++] = qemu->log_invalid ? "int,guest_errors,invalid_mem" : "int,guest_errors";
		words[count++] = "-D";
		words[count++] = path;
		reader.fd = pipes[0];
		reading = !pthread_create(&thread, NULL, read_log, &reader);
		if (!reading) {
			status = cli_fail(CLI_INTERNAL, "lint", "no thread could be started");
			goto out;
		}
	}
	child = start(words, &error);
	if (child < 0)
		status = cli_fail(CLI_UNAVAILABLE, words[0],
				  "%s; apt-get install qemu-system-arm brings QEMU", strerror(error));
	else
		*wait = wait_for(child);
	if (reading) {
		reader.ended = true;
		close(pipes[1]);
		pipes[1] = -1;
		pthread_join(thread, NULL);
	}
out:
	if (pipes[0] >= 0)
		close(pipes[0]);
	if (pipes[1] >= 0)
		close(pipes[1]);
	free(option);
	free(words);
	return status;
}
