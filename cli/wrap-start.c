/* SPDX-License-Identifier: BSD-2-Clause */
/* The helper's process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "wrap.h"

/* Where the kernel has no close_range(2) (before Linux 5.9), or a filter denies it. */
static void close_listed(int a, int b)
{
	DIR *listing = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (listing && (entry = readdir(listing))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != a && fd != b && fd != dirfd(listing))
			close(fd);
	}
	if (listing)
		closedir(listing);
}

/* Descriptors from 3 on but these two: what was given to the VMM must end with the VMM. */
static void close_others(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (syscall(SYS_close_range, high + 1, ~0u, 0)) {
		close_listed(a, b);
		return;
	}
	if (low > 3)
		syscall(SYS_close_range, 3, low - 1, 0);
	if (high > low + 1)
		syscall(SYS_close_range, low + 1, high - 1, 0);
}

/* Out of the VMM's session and its terminal's reach. */
static void detach(const struct wrap_options *options)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTTOU};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	dup2(null, STDIN_FILENO);
	if (!options->events || strcmp(options->events, "-"))
		dup2(null, STDOUT_FILENO);
}

int wrap_helper_start(const struct wrap_options *options, struct shim_channel *channel, int life, pid_t vmm)
{
	unsigned char status = CLI_INTERNAL;
	int ready[2];
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return cli_fail(CLI_INTERNAL, "wrap", "a pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return cli_fail(CLI_INTERNAL, "wrap", "a process for the helper: %s", strerror(errno));
	if (!child) {
		/* A grandchild is nobody's that the VMM could wait for. */
		child = fork();
		if (child)
			_exit(child < 0);
		close_others(life, ready[1]);
		detach(options);
		wrap_helper(options, channel, life, vmm, ready[1]);
		_exit(0);
	}
	close(ready[1]);
	waitpid(child, NULL, 0);
	if (read(ready[0], &status, 1) != 1)
		cli_fail(CLI_INTERNAL, "wrap", "the helper could not be started");
	close(ready[0]);
	return status;
}
