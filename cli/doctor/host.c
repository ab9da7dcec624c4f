/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/kvm/uapi.h"
#include "doctor.h"

#define LABORATORY   "\"salvage lab\" has a real one on any machine"
#define NEWER_KERNEL "run a newer kernel"

static const struct {
	unsigned number;
	const char *name, *there, *missing;
	enum doctor_state state; /* without it */
} capabilities[] = {
	{SV_KVM_CAP_ARM_NISV_TO_USER, "KVM_CAP_ARM_NISV_TO_USER",
	 "KVM reports accesses that the CPU does not describe",
	 "a guest that makes an access which the CPU does not describe is lost", DOCTOR_LACK},
	{SV_KVM_CAP_ARM_INJECT_EXT_DABT, "KVM_CAP_ARM_INJECT_EXT_DABT", "KVM injects external data aborts",
	 "external aborts are made by hand, which is not possible after a plain MMIO exit", DOCTOR_NOTE},
	{SV_KVM_CAP_ARM_SEA_TO_USER, "KVM_CAP_ARM_SEA_TO_USER",
	 "KVM reports synchronous external aborts: a memory error costs a process, not the guest",
	 "a guest that meets a memory error which firmware does not claim gets an SError, and panics",
	 DOCTOR_NOTE},
};

/* What a kernel's version changes, oldest first. */
static const struct {
	unsigned major, minor;
	const char *without;
	enum doctor_state state;
} milestones[] = {
	{5, 5, "has no exit for accesses that the CPU does not describe (5.5)", DOCTOR_LACK},
	{6, 17, "enters an injected abort only at the next KVM_RUN (before 6.17), which salvage allows for",
	 DOCTOR_NOTE},
	{6, 19, "has no exit for synchronous external aborts (6.19)", DOCTOR_NOTE},
};

static bool is_arm64(const struct doctor *doctor)
{
	return !strcmp(doctor->machine, "aarch64");
}

static void look_at_kernel(struct doctor *doctor)
{
	enum doctor_state state = DOCTOR_OK;
	const char *separator = "";
	unsigned major, minor;
	char text[400] = "";

	if (sscanf(doctor->release, "%u.%u", &major, &minor) != 2) {
		doctor_say(doctor, DOCTOR_NOTE, "kernel", NULL,
			   "Linux %s: a version that says nothing; what /dev/kvm answers counts",
			   doctor->release);
		return;
	}
	for (size_t i = 0; i < sizeof(milestones) / sizeof(*milestones); i++) {
		if (major > milestones[i].major ||
		    (major == milestones[i].major && minor >= milestones[i].minor))
			continue;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", separator,
			 milestones[i].without);
		separator = ", ";
		/* Distributions take changes back into older kernels: what the capability says counts. */
		if (milestones[i].state > state)
			state = DOCTOR_NOTE;
	}
	doctor_say(doctor, state, "kernel", *text ? NEWER_KERNEL : NULL, "Linux %s%s%s", doctor->release,
		   *text ? " as released " : " has all that salvage uses", text);
}

static void ask_capabilities(struct doctor *doctor, int fd)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++) {
		bool there = doctor->kvm->ioctl(doctor->kvm->opaque, fd, SV_KVM_CHECK_EXTENSION,
						(void *)(uintptr_t)capabilities[i].number) > 0;

		doctor_say(doctor, there ? DOCTOR_OK : capabilities[i].state, capabilities[i].name,
			   there ? NULL : NEWER_KERNEL, "%u: %s", capabilities[i].number,
			   there ? capabilities[i].there : capabilities[i].missing);
	}
}

static void look_at_kvm(struct doctor *doctor)
{
	char *path = doctor_path(doctor, "/dev/kvm");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1, error = errno, version;

	free(path);
	if (fd < 0) {
		doctor_say(
			doctor, DOCTOR_LACK, "/dev/kvm",
			error == EACCES || error == EPERM
				? "join its group: usermod -aG kvm USER, and log in again"
				: "boot the host at EL2 with CONFIG_KVM (dmesg | grep -i kvm says why not); " LABORATORY,
			"cannot be opened: %s", strerror(error));
		return;
	}
	version = doctor->kvm->ioctl(doctor->kvm->opaque, fd, SV_KVM_GET_API_VERSION, NULL);
	if (version != SV_KVM_API_VERSION) {
		doctor_say(doctor, DOCTOR_LACK, "/dev/kvm", "look at what is mounted or bound there",
			   "is not KVM: it answers %d to KVM_GET_API_VERSION, not %d", version,
			   SV_KVM_API_VERSION);
	} else {
		doctor_say(doctor, DOCTOR_OK, "/dev/kvm", NULL, "can be opened; API version %d", version);
		/* Another architecture's KVM gives the same numbers to nothing, or to something else. */
		if (is_arm64(doctor))
			ask_capabilities(doctor, fd);
	}
	close(fd);
}

static void look_at_security(struct doctor *doctor)
{
	char line[256];

	if (doctor_read(doctor, "/proc/sys/kernel/seccomp/actions_avail", line, sizeof(line)))
		doctor_say(
			doctor, DOCTOR_OK, "seccomp", NULL,
			"the kernel has filters; \"salvage doctor --pid=PID\" tries those of a VMM that runs");
	else
		doctor_say(doctor, DOCTOR_OK, "seccomp", NULL,
			   "the kernel has no filters that could stand in the way");
	if (doctor_read(doctor, "/sys/module/apparmor/parameters/enabled", line, sizeof(line)) &&
	    *line == 'Y')
		doctor_say(
			doctor, DOCTOR_NOTE, "AppArmor",
			"for libvirt's profiles docs/howto/libvirt.md has the lines",
			"on: a profile has to let the VMM map the preload, and to start it with its environment "
			"(pix, not Pix)");
	if (doctor_read(doctor, "/sys/fs/selinux/enforce", line, sizeof(line)))
		doctor_say(
			doctor, DOCTOR_NOTE, "SELinux",
			"allow that transition noatsecure, or start the VMM in the caller's domain",
			"%s: a VMM that is started into a domain of its own has AT_SECURE set and ignores the "
			"preload",
			*line == '1' ? "enforcing" : "permissive");
}

void doctor_host(struct doctor *doctor)
{
	char line[64];

	if (is_arm64(doctor))
		doctor_say(doctor, DOCTOR_OK, "host", NULL, "arm64");
	else
		doctor_say(doctor, DOCTOR_LACK, "host", "wrap on an arm64 host; " LABORATORY,
			   "%s: it has no KVM for arm64 guests", doctor->machine);
	look_at_kernel(doctor);
	look_at_kvm(doctor);
	if (doctor_read(doctor, "/proc/sys/vm/memory_failure_recovery", line, sizeof(line)))
		doctor_say(doctor, *line == '1' ? DOCTOR_OK : DOCTOR_NOTE, "memory errors",
			   *line == '1' ? NULL : "sysctl vm.memory_failure_recovery=1",
			   *line == '1' ? "the host survives those that firmware claims, and tells the VMM"
					: "the host panics at those that firmware claims");
	else
		doctor_say(doctor, DOCTOR_NOTE, "memory errors", "a kernel with CONFIG_MEMORY_FAILURE",
			   "the host cannot take bad pages out of use, nor tell the VMM of them");
	look_at_security(doctor);
}
