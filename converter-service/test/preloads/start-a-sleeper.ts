// Stands for a program that an engine starts: loaded into a child before its own code.
import { spawn } from 'node:child_process'

spawn('sleep', ['1000'], { stdio: 'ignore' }).unref()
