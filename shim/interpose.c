/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that this library puts before the C library's. Nothing else of it is visible.
 *
 * Programs that make system calls without the C library, statically linked ones among them, are not seen here;
 * "salvage wrap" refuses those that it recognises.
 */
/* Both names of a function are defined here, so neither may be a macro for the other. */
#undef _FILE_OFFSET_BITS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

#define VISIBLE __attribute__((visibility("default")))

/* All of KVM's requests, and of nobody else that matters (Documentation/userspace-api/ioctl). */
#define KVM_TYPE 0xae

VISIBLE int ioctl(int fd, unsigned long request, ...)
{
	struct shim_vcpu *vcpu;
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (shim_channel && (request >> 8 & 0xff) == KVM_TYPE) {
		if ((uint32_t)request != SV_KVM_RUN)
			return shim_request(fd, request, argument);
		vcpu = shim_vcpu_of(fd);
		if (vcpu)
			return shim_run(vcpu, fd, argument);
	}
	shim_system_init();
	return shim_system.ioctl(fd, request, argument);
}

static void *map(void *address, size_t length, int protection, int flags, int fd, long offset)
{
	struct shim_object object;
	void *mapped;

	shim_system_init();
	mapped = shim_system.mmap(address, length, protection, flags, fd, offset);
	if (fd >= 0 && mapped != MAP_FAILED && !offset && shim_channel && shim_object(fd, &object) &&
	    object.kind == SHIM_OBJECT_VCPU)
		atomic_store(&object.vcpu->run, mapped);
	return mapped;
}

VISIBLE void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return map(address, length, protection, flags, fd, offset);
}

VISIBLE void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
	return map(address, length, protection, flags, fd, offset);
}

VISIBLE int close(int fd)
{
	shim_system_init();
	if (shim_channel) {
		if (shim_objects_keep(fd))
			return 0;
		shim_object_close(fd);
	}
	return shim_system.close(fd);
}

/* Descriptors of a table of its own (CLOSE_RANGE_UNSHARE) are not followed, and those that exec closes are gone then. */
VISIBLE int close_range(unsigned first, unsigned last, int flags)
{
	shim_system_init();
	if (shim_channel && !flags)
		shim_objects_close_range(first, last);
	if (shim_system.close_range)
		return shim_system.close_range(first, last, flags);
	errno = ENOSYS;
	return -1;
}

VISIBLE void closefrom(int first)
{
	shim_system_init();
	if (shim_channel)
		shim_objects_close_range(first < 0 ? 0 : (unsigned)first, ~0u);
	if (shim_system.closefrom)
		shim_system.closefrom(first);
}

static int aliased(int from, int to)
{
	if (to >= 0 && from != to && shim_channel) {
		shim_objects_lose(to);
		shim_object_alias(from, to);
	}
	return to;
}

VISIBLE int dup(int fd)
{
	shim_system_init();
	return aliased(fd, shim_system.dup(fd));
}

VISIBLE int dup2(int from, int to)
{
	shim_system_init();
	/* dup3 refuses what dup2 takes for a question: whether from is open. */
	if (from == to)
		return shim_system.fcntl(from, F_GETFD) < 0 ? -1 : to;
	return aliased(from, shim_system.dup3(from, to, 0));
}

VISIBLE int dup3(int from, int to, int flags)
{
	shim_system_init();
	return aliased(from, shim_system.dup3(from, to, flags));
}

static int control(int fd, int command, void *argument)
{
	int rc;

	shim_system_init();
	rc = shim_system.fcntl(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? aliased(fd, rc) : rc;
}

VISIBLE int fcntl(int fd, int command, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return control(fd, command, argument);
}

VISIBLE int fcntl64(int fd, int command, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return control(fd, command, argument);
}

/* Ours stays the first handler of SIGBUS, and the VMM's is the one that it passes on to. */
VISIBLE int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	shim_system_init();
	if (number != SIGBUS || !shim_channel)
		return shim_system.sigaction(number, action, old);
	sv_kvm_chain(action, old);
	return 0;
}

VISIBLE sighandler_t signal(int number, sighandler_t handler)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

	if (sigaction(number, &action, &old))
		return SIG_ERR;
	return old.sa_handler;
}

/* exit(3) is seen by on_exit. */
VISIBLE void _exit(int status)
{
	shim_system_init();
	shim_end(status);
	shim_system.exit(status);
	__builtin_unreachable();
}

VISIBLE void _Exit(int status)
{
	_exit(status);
}
