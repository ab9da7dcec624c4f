/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On softkvm: an access that the CPU does not describe, from the guest's instruction through KVM's exit, all
 * of salvage and the device to the guest's next instruction; next to one that the CPU describes.
 */
#include <stdio.h>
#include <string.h>

#include <salvage/kvm.h>
#include <salvage/softkvm.h>

#include "../src/kvm/uapi.h"
#include "bench.h"

#define RAM    UINT64_C(0x40000000)
#define PAGE   4096
#define DEVICE UINT64_C(0x0a000000)

enum { ROUNDS = 11, REPEATS = 20000 };

static uint8_t ram[PAGE] __attribute__((aligned(PAGE)));

static struct {
	struct sv_soft *soft;
	struct sv_kvm_backend backend;
	int vcpu_fd;
	struct sv_kvm_run *run;
	struct sv_kvm_vcpu vcpu;
	struct sv_region regions[2];
	struct sv_space space;
	uint64_t cell[8];
} vm;

static int request(int fd, unsigned long request, void *argument)
{
	return sv_soft_ioctl(vm.soft, fd, request, argument);
}

static bool prepare(const uint32_t *code, size_t size)
{
	struct sv_kvm_userspace_memory_region slot = {0, 0, RAM, sizeof(ram), (uintptr_t)ram};
	struct sv_kvm_vcpu_init init;
	int vm_fd;

	memcpy(ram, code, size);
	vm.soft = sv_soft_new(NULL);
	if (!vm.soft)
		return false;
	vm.backend = (struct sv_kvm_backend){sv_soft_ioctl, vm.soft};
	vm_fd = request(sv_soft_open(vm.soft), SV_KVM_CREATE_VM, NULL);
	vm.vcpu_fd = request(vm_fd, SV_KVM_CREATE_VCPU, NULL);
	vm.run = sv_soft_run_page(vm.soft, vm.vcpu_fd);
	sv_space_init(&vm.space, vm.regions, 2);
	sv_space_add(&vm.space, &(struct sv_region){.first = RAM,
						    .last = RAM + sizeof(ram) - 1,
						    .kind = SV_REGION_RAM,
						    .name = "RAM",
						    .host = ram});
	sv_space_add(&vm.space, &(struct sv_region){.first = DEVICE,
						    .last = DEVICE + PAGE - 1,
						    .kind = SV_REGION_WINDOW,
						    .name = "device",
						    .sizes = SV_SIZES_ANY});
	return vm.run && !request(vm_fd, SV_KVM_SET_USER_MEMORY_REGION, &slot) &&
	       sv_kvm_enable(&vm.backend, vm_fd, SV_KVM_NISV) & SV_KVM_NISV &&
	       !request(vm_fd, SV_KVM_ARM_PREFERRED_TARGET, &init) &&
	       !request(vm.vcpu_fd, SV_KVM_ARM_VCPU_INIT, &init) &&
	       !sv_kvm_vcpu_init(&vm.vcpu, &vm.backend, vm.vcpu_fd, (struct kvm_run *)vm.run, 0) &&
	       !sv_kvm_set(&vm.vcpu, SV_PC, RAM) && !sv_kvm_set(&vm.vcpu, SV_X0, DEVICE);
}

static void access_device(uint64_t ipa, unsigned size, bool write, void *data)
{
	uint8_t *at = (uint8_t *)vm.cell + ipa % sizeof(vm.cell);

	memcpy(write ? at : data, write ? data : at, size);
}

/* Not resolved, so that the next one is the same. */
static bool alone(uint32_t reason)
{
	return !request(vm.vcpu_fd, SV_KVM_RUN, NULL) && vm.run->exit_reason == reason;
}

/* One exit, and what it takes until the guest may go on. False: it was another one than is measured. */
static bool one(uint32_t reason)
{
	enum sv_verdict verdict;

	if (sv_kvm_run(&vm.vcpu) || vm.run->exit_reason != reason)
		return false;
	if (reason == SV_KVM_EXIT_MMIO) {
		access_device(vm.run->mmio.phys_addr, vm.run->mmio.len, vm.run->mmio.is_write,
			      vm.run->mmio.data);
		return true;
	}
	sv_kvm_begin(&vm.vcpu, &vm.space, NULL);
	while ((verdict = sv_session_next(&vm.vcpu.session)) == SV_VERDICT_ACCESS) {
		struct sv_access *access = &vm.vcpu.session.access;

		access_device(access->ipa, access->size, access->write, access->data);
	}
	return verdict == SV_VERDICT_RESUME && vm.vcpu.session.report.ending == SV_ENDING_COMPLETED;
}

static bool measure(const char *text, const uint32_t *code, size_t size, uint32_t reason,
		    bool (*one)(uint32_t reason))
{
	struct sv_soft_counts before, after;
	double ns[ROUNDS];
	bool good;

	memset(&vm, 0, sizeof(vm));
	good = prepare(code, size) && one(reason);
	if (good)
		sv_soft_counts(vm.soft, &before);
	for (unsigned round = 0; round < ROUNDS && good; round++) {
		uint64_t start = bench_now();

		for (unsigned i = 0; i < REPEATS && good; i++)
			good = one(reason);
		ns[round] = (double)(bench_now() - start) / REPEATS;
	}
	if (good) {
		sv_soft_counts(vm.soft, &after);
		printf("%-34s %10.1f %12.2f\n", text, bench_median(ns, ROUNDS),
		       (double)(after.requests - before.requests) / ((double)ROUNDS * REPEATS));
	}
	sv_soft_free(vm.soft);
	return good;
}

/* All of a VM's life for a few instructions: what a fuzzer or a test of a VMM pays for a fresh one. */
static bool whole_vms(const uint32_t *code, size_t size)
{
	enum { VMS = 1000 };
	double us[ROUNDS];

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = bench_now();

		for (unsigned i = 0; i < VMS; i++) {
			bool good = prepare(code, size) && one(SV_KVM_EXIT_ARM_NISV);

			sv_soft_free(vm.soft);
			if (!good)
				return false;
		}
		us[round] = (double)(bench_now() - start) / VMS / 1e3;
	}
	printf("\n%-34s %10.1f us\n", "a VM made, one exit, and freed", bench_median(us, ROUNDS));
	return true;
}

int bench_softkvm(void)
{
	/* The instruction on X0, then b .-4 */
	static const struct {
		const char *text;
		uint32_t word, reason;
		bool (*one)(uint32_t reason);
	} rows[] = {
		{"stp x1, x2, [x0]  (the exit alone)", 0xa9000801, SV_KVM_EXIT_ARM_NISV, alone},
		{"ldr x1, [x0]      (MMIO)", 0xf9400001, SV_KVM_EXIT_MMIO, one},
		{"str x1, [x0]      (MMIO)", 0xf9000001, SV_KVM_EXIT_MMIO, one},
		{"str x1, [x0], #0  (NISV)", 0xf8000401, SV_KVM_EXIT_ARM_NISV, one},
		{"stp x1, x2, [x0]  (NISV)", 0xa9000801, SV_KVM_EXIT_ARM_NISV, one},
		{"ldp x1, x2, [x0]  (NISV)", 0xa9400801, SV_KVM_EXIT_ARM_NISV, one},
	};
	bool good = true;

	printf("%-34s %10s %12s\n", "exit, resolve, resume", "ns", "requests");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && good; i++) {
		const uint32_t code[] = {rows[i].word, 0x17ffffff};

		good = measure(rows[i].text, code, sizeof(code), rows[i].reason, rows[i].one);
	}
	if (!good || !whole_vms((const uint32_t[]){rows[0].word}, sizeof(uint32_t)))
		return bench_fail("softkvm", "what was measured was not what it says");
	return 0;
}
