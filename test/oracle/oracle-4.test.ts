import { judgeEngine } from './judge.js';

judgeEngine(4);
