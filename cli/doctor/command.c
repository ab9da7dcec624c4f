/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage doctor: options, and the order of things. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../cli.h"
#include "doctor.h"

static const char help[] =
	"usage: salvage doctor [OPTION...] [-- VMM [ARG...]]\n\n"
	"Says what \"salvage wrap\" can have on this host, and with VMM. Each line is \"ok\", \"note\" (worth\n"
	"knowing) or \"lack\" (salvage wrap cannot work without it), with what to do about it.\n\n"
	"  --pid=PID   look at a VMM that runs, and its seccomp filters (as root; stops it for an instant)\n"
	"  --root=DIR  look at the files of a host, or of an image of one, that are below DIR\n"
	"  --json      one JSON object a line: state, what, detail, remedy\n\n"
	"Exit status: 0; 1 if anything is lacking; 100 for a command line that is at fault.\n";

/* Where the preload lies: built for arm64 beside this one, built here, installed. */
static char *find_preload(void)
{
	static const char *const names[] = {"arm64/shim/libsalvage-wrap.so", "shim/libsalvage-wrap.so",
					    SALVAGE_LIB_DIR "/libsalvage-wrap.so"};

	return cli_first_resource(names, sizeof(names) / sizeof(*names));
}

static int look(struct doctor *doctor, const char *vmm, pid_t pid, bool json)
{
	char *preload;
	int status;

	if (!doctor_begin(doctor))
		return cli_fail(CLI_INTERNAL, "doctor", "%s", strerror(ENOMEM));
	doctor_host(doctor);
	preload = find_preload();
	doctor_preload(doctor, preload);
	free(preload);
	if (vmm)
		doctor_program(doctor, vmm, getenv("PATH"));
	if (pid)
		doctor_process(doctor, pid);
	doctor_laboratory(doctor);
	status = doctor->lacking;
	if (!doctor_print(doctor, json))
		status = cli_fail(1, "standard output", "%s", strerror(errno));
	doctor_end(doctor);
	return status;
}

int cli_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"pid", required_argument, NULL, 'p'},
		{"root", required_argument, NULL, 'r'},
		{0},
	};
	struct doctor doctor = {.root = "", .kvm = &sv_kvm_system, .user = getuid(), .group = getgid()};
	struct utsname host;
	bool json = false;
	uint64_t pid = 0;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'j':
			json = true;
			break;
		case 'p':
			if (!cli_number(optarg, &pid) || !pid || pid > INT_MAX)
				return cli_fail(CLI_USAGE, optarg,
						"not the number of a process; ps lists them");
			break;
		case 'r':
			doctor.root = optarg;
			if (access(optarg, X_OK))
				return cli_fail(CLI_USAGE, optarg, "%s; give a directory", strerror(errno));
			break;
		default:
			return cli_fail(
				CLI_USAGE, argv[optind - 1],
				"not an option or its value is missing; \"salvage doctor --help\" lists them");
		}
	}
	/*
	 * The VMM's own arguments may follow, so that a command line of salvage wrap can be taken as it is.
	 */
	if (optind < argc && strcmp(argv[optind - 1], "--"))
		return cli_fail(CLI_USAGE, argv[optind], "put -- before the VMM: salvage doctor -- VMM");
	if (pid && optind < argc)
		return cli_fail(CLI_USAGE, "--pid", "a VMM that runs or one to start; not both");
	uname(&host);
	doctor.machine = host.machine;
	doctor.release = host.release;
	return look(&doctor, optind < argc ? argv[optind] : NULL, (pid_t)pid, json);
}
