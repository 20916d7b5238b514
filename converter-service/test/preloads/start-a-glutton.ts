// Stands for a program that an engine starts and that takes more and more memory.
import { spawn } from 'node:child_process'

const code =
  'const held=[];setInterval(()=>held.length<30&&held.push(Buffer.alloc(2e7,1)),20);setTimeout(process.exit,60e3)'
spawn(process.execPath, ['-e', code], { env: {}, stdio: 'ignore' }).unref()
