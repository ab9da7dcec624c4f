/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's machine "virt", as hw/arm/virt.c lays it out, for guests that share the rest with tests/guests. */
#ifndef VIRT_H
#define VIRT_H

#include "guest.h"
#include "whole.h"

#define FLASH        0x04000000ul /* the second chip: the first is the firmware's */
#define VIRTIO       0x0a000000ul
#define VIRTIO_STEP  0x200ul
#define VIRTIO_COUNT 32

void check_uart(void);
void check_flash(void);
void check_virtio(void);

void print_number(uint64_t value);

/*
 * Something the host is to do, after which it answers: prints "@WHAT ADDRESS", which the driver reads. False:
 * the host cannot; its reason was printed.
 */
bool ask_host(const char *what, uint64_t address);

/* The device tree the VMM made: x0, or where it puts one for guests that are no Linux Image. */
const uint8_t *find_tree(uint64_t x0);

/* The first address of the first node compatible with this, in a tree of two cells; 0 without. */
uint64_t tree_address(const uint8_t *tree, const char *compatible);

#endif
