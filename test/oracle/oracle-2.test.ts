import { judgeEngine } from './judge.js';

judgeEngine(2);
