/* SPDX-License-Identifier: BSD-2-Clause */
/* The process that is wrapped: what it was given by "salvage wrap", and what it gives at its end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim.h"

/* How long the end of the process waits for the helper to have written everything. */
#define DRAIN_MS 5000

struct shim_channel *shim_channel;
struct sv_policy shim_policy;
struct shim_system shim_system = {.fstat = fstat};

static int backend_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	int rc = shim_system.ioctl(fd, request, argument);

	return rc < 0 ? -errno : rc;
}

const struct sv_kvm_backend shim_backend = {.ioctl = backend_ioctl};

static void find_newer(void *function, const char *name)
{
	/* A function's address by way of an object's, as dlsym(3) says. */
	*(void **)function = dlsym(RTLD_NEXT, name);
}

static void find(void *function, const char *name)
{
	find_newer(function, name);
	if (*(void **)function)
		return;
	fprintf(stderr, "salvage: wrap: the C library has no %s\n", name);
	abort();
}

/* Other libraries may make system calls before our constructor runs. */
static pthread_once_t found = PTHREAD_ONCE_INIT;

static void find_all(void)
{
	find(&shim_system.ioctl, "ioctl");
	find(&shim_system.mmap, "mmap");
	find(&shim_system.close, "close");
	find_newer(&shim_system.close_range, "close_range");
	find_newer(&shim_system.closefrom, "closefrom");
	find(&shim_system.dup, "dup");
	find(&shim_system.dup3, "dup3");
	find(&shim_system.fcntl, "fcntl");
	find(&shim_system.sigaction, "sigaction");
	find(&shim_system.exit, "_exit");
}

void shim_system_init(void)
{
	pthread_once(&found, find_all);
}

/* A process that only forked, and has no VM of its own, has nothing to say at its end. */
static bool forked;

static void child(void)
{
	forked = true;
	/* Its memory is not the one that the VMs were made with: the kernel refuses it every request (EIO). */
	shim_objects_forget();
	shim_tree_forget();
}

void shim_end(int status)
{
	struct shim_message message = {
		.kind = SHIM_END, .vm = (uint32_t)getpid(), .vcpu = -1, .number = status & 0xff};
	unsigned position;

	if (!shim_channel || (forked && atomic_load(&shim_channel->vm_pid) != getpid()))
		return;
	if (shim_channel_put(shim_channel, &message, &position))
		shim_channel_wait(shim_channel, position, DRAIN_MS);
}

static void at_exit(int status, void *opaque)
{
	shim_end(status);
}

/* "MAPPING LIFE": the latter is a pipe that tells the helper when the last of this family has ended. */
static struct shim_channel *channel_of(const char *text)
{
	int mapping, life;

	if (!text || sscanf(text, "%d %d", &mapping, &life) != 2)
		return NULL;
	/* Programs that the VMM starts are not its family. The mapping they may have: what they load maps it. */
	fcntl(life, F_SETFD, FD_CLOEXEC);
	return shim_channel_map(mapping);
}

__attribute__((constructor)) static void start(void)
{
	struct shim_channel *channel = channel_of(getenv(SHIM_ENVIRONMENT));

	shim_system_init();
	if (!channel)
		return;
	shim_policy = (struct sv_policy){channel->rules, SHIM_RULES, channel->rule_count};
	if ((channel->keep_sigbus ? sv_kvm_watch() : sv_kvm_guard()) != SV_OK)
		return;
	/* Early warnings come only if they are asked for, and would end a process that does not expect them. */
	if (channel->keep_sigbus)
		prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	pthread_atfork(NULL, NULL, child);
	on_exit(at_exit, NULL);
	atomic_fetch_add(&channel->attached, 1);
	shim_channel = channel;
}
