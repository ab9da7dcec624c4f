/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <salvage/softkvm.h>

#include "cli.h"
#include "run.h"

/*
 * Where auto leads on this host. A /dev/kvm that is there but cannot be used is the user's to know of, so it
 * is taken all the same.
 */
static void choose(struct run_options *options)
{
	struct utsname host;

	if (options->backend != RUN_AUTO)
		return;
	options->backend = RUN_KVM;
	if (!uname(&host) && !strcmp(host.machine, "aarch64") && !access("/dev/kvm", F_OK))
		return;
	options->backend = RUN_SOFT;
	fprintf(stderr, "salvage: run: this host has no arm64 KVM: backend soft, a model without timer and "
			"interrupts; --backend=lab has a real one\n");
}

/* The name of the VM in events: the guest's and the process, which tells VMs of one host apart. */
static char *vm_name(const char *guest)
{
	const char *slash = strrchr(guest, '/');
	char *name;

	return asprintf(&name, "%s-%d", slash ? slash + 1 : guest, getpid()) < 0 ? NULL : name;
}

const char *run_vm_name(const struct run_options *options)
{
	const char *slash = strrchr(options->vmm.guest, '/');
	const char *name = slash ? slash + 1 : options->vmm.guest;
	size_t length = strlen(name);

	if (options->vmm.name)
		return options->vmm.name;
	/* The end of a long name, where versions stand. */
	return length < SV_RAS_NAME ? name : name + length - (SV_RAS_NAME - 1);
}

static FILE *open_events(const char *path)
{
	int fd;

	if (strcmp(path, "-"))
		return fopen(path, "we");
	/* A stream of its own, so that closing it leaves standard output alone. */
	fd = dup(STDOUT_FILENO);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int run_here(struct run_options *options)
{
	FILE *file = options->events ? open_events(options->events) : NULL;
	char *name = options->vmm.name ? strdup(options->vmm.name) : vm_name(options->vmm.guest);
	struct run_ledger *ledger = NULL;
	struct vmm_kernel soft_kernel;
	struct sv_soft *soft = NULL;
	struct vmm_error error;
	int status = CLI_INTERNAL;

	if (options->events && !file) {
		free(name);
		return cli_fail(CLI_USAGE, "run", "--events=%s: %s", options->events, strerror(errno));
	}
	options->vmm.name = run_vm_name(options);
	if (options->ledger) {
		ledger = run_ledger_open(options->ledger, options->vmm.name, &status);
		if (!ledger) {
			if (file)
				fclose(file);
			free(name);
			return status;
		}
		status = CLI_INTERNAL;
		options->vmm.journal = run_ledger_journal(ledger);
		options->vmm.absorb = run_ledger_absorb;
		options->vmm.absorb_opaque = ledger;
	}
	options->vmm.events = name ? vmm_events_new(file, name, VMM_EVENTS_LIMIT) : NULL;
	options->vmm.kernel = &vmm_kernel_system;
	if (options->backend == RUN_SOFT) {
		soft = sv_soft_new(NULL);
		soft_kernel = run_soft_kernel(soft);
		options->vmm.kernel = &soft_kernel;
	}
	if (options->vmm.events && (soft || options->backend != RUN_SOFT)) {
		status = vmm_run(&options->vmm, &error);
		if (*error.text)
			cli_fail(status, "run", "%s", error.text);
	} else {
		cli_fail(status, "run", "no memory");
	}
	sv_soft_free(soft);
	vmm_events_free(options->vmm.events);
	run_ledger_close(ledger);
	if (file)
		fclose(file);
	free(name);
	return status;
}

/* A caller may have closed them; nothing that is opened here may be taken for the console. */
static void open_standard_streams(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	if (fd >= 0)
		close(fd);
}

int cli_run(int argc, char **argv)
{
	struct run_options options;
	int status = run_options_parse(argc, argv, &options);

	open_standard_streams();
	if (!status && !options.help) {
		if (options.dump_dtb) {
			status = run_dump_dtb(&options);
			run_options_free(&options);
			return status;
		}
		choose(&options);
		status = options.backend == RUN_LAB ? run_in_lab(&options) : run_here(&options);
	}
	run_options_free(&options);
	return status;
}
