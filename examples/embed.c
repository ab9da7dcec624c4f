/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole VMM, small: one vCPU, some RAM, one device that prints what is written to it. Its guest writes with
 * a post-indexed store, which the CPU does not describe to KVM. What salvage adds to such a VMM is between
 * the marks. Build it on an arm64 machine: cc embed.c $(pkg-config --cflags --libs salvage)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <salvage/salvage.h>

#define RAM      0x40000000ul
#define RAM_SIZE 0x10000ul
#define PRINTER  0x09000000ul

/* The guest: prints a text, byte by byte, and turns itself off (PSCI SYSTEM_OFF). */
static const struct {
	uint32_t code[9];
	char text[36];
} guest = {
	{
		0xd2a12000, /* mov x0, #0x9000000 */
		0x10000101, /* adr x1, text */
		0x38401422, /* ldrb w2, [x1], #1 */
		0x34000062, /* cbz w2, #12 */
		0x38000402, /* strb w2, [x0], #0 */
		0x17fffffd, /* b #-12 */
		0x52b08000, /* mov w0, #0x84000000 */
		0x72800100, /* movk w0, #8 */
		0xd4000002, /* hvc #0 */
	},
	"printed by post-indexed stores\n",
};

static void need(int rc, const char *what)
{
	if (rc >= 0)
		return;
	perror(what);
	exit(1);
}

/* The VMM's own device model; false: it does not take this access. */
static bool printer(uint64_t address, void *data, unsigned size, bool write)
{
	if (address != PRINTER || size != 1)
		return false;
	if (write)
		putchar(*(const char *)data);
	else
		memset(data, 0, size);
	return true;
}

/* 0 if the guest is to go on. */
static int handle_exit(const struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		return !printer(run->mmio.phys_addr, (void *)run->mmio.data, run->mmio.len,
				run->mmio.is_write);
	case KVM_EXIT_SYSTEM_EVENT:
		fflush(stdout);
		exit(0);
	default:
		fprintf(stderr, "exit %u\n", run->exit_reason);
		return 1;
	}
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR), vm, vcpu_fd;
	struct kvm_userspace_memory_region slot = {.guest_phys_addr = RAM, .memory_size = RAM_SIZE};
	struct kvm_vcpu_init init;
	struct kvm_run *run;
	uint64_t start = RAM;
	struct kvm_one_reg pc = {.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
				       KVM_REG_ARM_CORE_REG(regs.pc),
				 .addr = (uintptr_t)&start};
	void *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	need(kvm, "/dev/kvm");
	memcpy(ram, &guest, sizeof(guest));
	slot.userspace_addr = (uintptr_t)ram;
	need(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	need(vcpu_fd = ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	need(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	need(ioctl(vcpu_fd, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	need(ioctl(vcpu_fd, KVM_SET_ONE_REG, &pc), "KVM_SET_ONE_REG");
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu_fd, 0);
	if (ram == MAP_FAILED || run == MAP_FAILED)
		need(-1, "mmap");

	/* salvage: what is where, and who the vCPU is */
	struct sv_region regions[2];
	struct sv_space space;
	struct sv_kvm_vcpu vcpu;

	sv_space_init(&space, regions, 2);
	sv_space_add(&space, &(struct sv_region){RAM, RAM + RAM_SIZE - 1, SV_REGION_RAM, "RAM", ram});
	sv_space_add(&space, &(struct sv_region){PRINTER, PRINTER + 0xfff, SV_REGION_WINDOW, "printer",
						 .sizes = SV_SIZES_ANY});
	if (!(sv_kvm_enable(&sv_kvm_system, vm, SV_KVM_NISV) & SV_KVM_NISV) ||
	    sv_kvm_vcpu_init(&vcpu, &sv_kvm_system, vcpu_fd, run, init.features[0]) || sv_kvm_guard())
		return fprintf(stderr, "no salvage on this kernel\n"), 1;
	/* salvage end */

	for (;;) {
		if (ioctl(vcpu_fd, KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			need(-1, "KVM_RUN");
		}
		/* salvage: an access that the CPU does not describe */
		if (sv_kvm_begin(&vcpu, &space, NULL)) {
			struct sv_access *access = &vcpu.session.access;
			char text[400];

			while (sv_session_next(&vcpu.session) == SV_VERDICT_ACCESS)
				if (!printer(access->ipa, access->data, access->size, access->write))
					sv_session_refuse(&vcpu.session);
			if (vcpu.session.report.ending != SV_ENDING_COMPLETED &&
			    sv_report_text(&vcpu.session.report, &space, text, sizeof(text)))
				fprintf(stderr, "%s\n", text);
			continue;
		}
		/* salvage end */
		if (handle_exit(run))
			return 1;
	}
}
