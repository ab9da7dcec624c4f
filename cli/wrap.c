/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * salvage wrap: starts the helper, and becomes the VMM with the shim preloaded, so that PID, standard streams
 * and exit status are the VMM's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "wrap.h"

#define LIBRARY "libsalvage-wrap.so"

/* Descriptors of ours, above those that a VMM is likely to be given by number, and below the usual limit. */
#define HIGH_FD 500

/* What QEMU does with SIGBUS if it was told to forward memory errors to the guest by ACPI. */
static bool forwards_errors(char **vmm)
{
	for (; *vmm; vmm++)
		if (strstr(*vmm, "ras=on"))
			return true;
	return false;
}

/* Whose SIGBUS of vCPUs is. */
static bool keeps_sigbus(const struct wrap_options *options)
{
	const struct sv_rule *rule =
		sv_policy_find(&options->policy, SV_CAUSE_POISON, SV_CLASS_COUNT, UINT64_MAX);

	if (rule->action == SV_ACTION_OBSERVE)
		return false;
	for (size_t i = 0; i < options->policy.count; i++)
		if (rule == &options->policy.rules[i])
			return true;
	if (forwards_errors(options->vmm)) {
		cli_fail(
			0, "wrap",
			"ras=on: the VMM reports memory errors to the guest itself, and SIGBUS is left to it "
			"(--policy=poison=inject takes it)");
		return false;
	}
	return true;
}

static bool add_environment(const char *library, int mapping, int life)
{
	const char *before = getenv("LD_PRELOAD");
	char *preload, *fds;
	bool done;

	/* A wrapped wrap has it there already, and once is enough. */
	if (before && strstr(before, library))
		preload = strdup(before);
	else if (asprintf(&preload, "%s%s%s", library, before ? ":" : "", before ? before : "") < 0)
		return false;
	if (!preload || asprintf(&fds, "%d %d", mapping, life) < 0)
		return false;
	done = !setenv("LD_PRELOAD", preload, 1) && !setenv(SHIM_ENVIRONMENT, fds, 1);
	free(preload);
	free(fds);
	return done;
}

/* Beside the command in a build tree, or installed. */
static char *find_library(void)
{
	static const char *const names[] = {"shim/" LIBRARY, SALVAGE_LIB_DIR "/" LIBRARY};

	return cli_first_resource(names, sizeof(names) / sizeof(*names));
}

/* Moves a descriptor out of the way, and lets the VMM inherit it. */
static int raise_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD, HIGH_FD);

	if (high < 0)
		high = fcntl(fd, F_DUPFD, 100);
	/* So few are allowed that it stays where it is, where it is not inherited yet. */
	if (high < 0)
		return fcntl(fd, F_SETFD, 0) ? -1 : fd;
	close(fd);
	return high;
}

/*
 * Whoever started us may have closed standard streams, and what we open would take their numbers. At the start of
 * the VMM they are closed again.
 */
static void fill_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Everything that the VMM needs; it is not started yet. */
static int prepare(const struct wrap_options *options, const char *library)
{
	struct shim_channel *channel;
	int mapping, life[2], status;

	fill_streams();
	channel = shim_channel_make(&mapping);
	if (!channel || pipe2(life, O_CLOEXEC))
		return cli_fail(CLI_INTERNAL, "wrap", "memory to share with the VMM: %s", strerror(errno));
	channel->keep_sigbus = keeps_sigbus(options);
	channel->rule_count = (uint32_t)options->policy.count;
	if (options->policy.count)
		memcpy(channel->rules, options->policy.rules,
		       options->policy.count * sizeof(*channel->rules));
	status = wrap_helper_start(options, channel, life[0], getpid());
	if (status)
		return status;
	close(life[0]);
	if (!add_environment(library, raise_fd(mapping), raise_fd(life[1])))
		return cli_fail(CLI_INTERNAL, "wrap", "the environment: %s", strerror(errno));
	return 0;
}

int cli_wrap(int argc, char **argv)
{
	char *library = find_library(), *path = NULL;
	struct wrap_options options;
	int status = wrap_options_parse(argc, argv, &options);

	if (!status && !options.help)
		status = wrap_check(options.vmm[0], &path);
	if (!status && !options.help && !library)
		status = cli_fail(CLI_UNAVAILABLE, "wrap", LIBRARY " is missing; install salvage whole");
	if (!status && !options.help && strpbrk(library, ": "))
		status = cli_fail(CLI_UNAVAILABLE, "wrap",
				  "%s: LD_PRELOAD takes no path with a colon or a space; move salvage",
				  library);
	if (!status && !options.help)
		status = prepare(&options, library);
	if (!status && !options.help) {
		execv(path, options.vmm);
		status = cli_fail(CLI_UNAVAILABLE, "wrap", "%s: %s", path, strerror(errno));
	}
	wrap_options_free(&options);
	free(library);
	free(path);
	return status;
}
